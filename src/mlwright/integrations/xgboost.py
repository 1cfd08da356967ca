"""XGBoost's word on its own files: the leaf that each row reaches in each tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from mlwright.packaging.library import Library


def library() -> Library:
    """Give XGBoost as what an import is held to: numbers of leaves `[rows, trees]`."""
    return Library(f"xgboost {xgb.__version__}", _leaves)


def _leaves(data: bytes, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    booster = xgb.Booster()
    booster.load_model(bytearray(data))
    matrix = xgb.DMatrix(
        rows,
        feature_names=booster.feature_names,
        feature_types=booster.feature_types,
        enable_categorical=True,
    )
    leaves = booster.predict(matrix, pred_leaf=True)
    return np.asarray(leaves, dtype=np.int64).reshape(len(rows), -1)
