"""CatBoost's word on its own files: the sums of the leaves of each row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import catboost as cb
import numpy as np
import numpy.typing as npt

from mlwright.packaging.library import Library


def library() -> Library:
    """Give CatBoost as what an import is held to: raw sums `[rows, outputs]`."""
    return Library(f"catboost {cb.__version__}", _sums)


def _sums(data: bytes, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(data)
        model = cb.CatBoost().load_model(str(path), format="json")
    pool = cb.Pool(rows, cat_features=model.get_cat_feature_indices() or None)
    if any(model.feature_names_):
        pool.set_feature_names(model.feature_names_)
    sums = model.predict(pool, prediction_type="RawFormulaVal")
    return np.asarray(sums, dtype=np.float64).reshape(len(rows), -1)
