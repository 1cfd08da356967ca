"""Trees out of the objects of the libraries that grow them: scikit-learn, LightGBM, XGBoost, CatBoost."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlwright.packaging.catboost_file import read_catboost
from mlwright.packaging.catboost_trees import trees_from_catboost
from mlwright.packaging.estimators import ABOVE_HALF, trees_from_estimator
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.trees import trees_from_lightgbm
from mlwright.packaging.xgboost_file import read_xgboost
from mlwright.packaging.xgboost_trees import trees_from_xgboost

BOOSTERS = ("lightgbm", "xgboost", "catboost")


def library_of(fitted: object) -> str:
    """Give the name of the library whose object it is."""
    return type(fitted).__module__.partition(".")[0]


def estimator_trees(fitted: object) -> KernelModel:
    """Convert the trees of a fitted object, with the classes that it knows. Raises `ModelUnsupported`."""
    match library_of(fitted):
        case "lightgbm":
            model = trees_from_lightgbm(saved_model(fitted).decode())
        case "xgboost":
            model = trees_from_xgboost(read_xgboost(saved_model(fitted)))
        case "catboost":
            model = trees_from_catboost(read_catboost(saved_model(fitted)))
        case _:
            return trees_from_estimator(fitted)
    return with_classes(model, fitted)


def with_classes(model: KernelModel, fitted: object) -> KernelModel:
    """Name the outputs by the classes that an object knows; a tie goes to its first class."""
    classes = getattr(fitted, "classes_", None)
    if model.task == "regression" or classes is None or not len(classes):
        return model
    return replace(model, classes=tuple(getattr(classes, "tolist", lambda: classes)()), threshold=ABOVE_HALF)


def saved_model(fitted: Any) -> bytes:
    """Give the file that a library writes of its object; each of these files is data."""
    match library_of(fitted):
        case "lightgbm":
            booster = getattr(fitted, "booster_", fitted)
            return str(booster.model_to_string()).encode()
        case "xgboost":
            booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
            return bytes(booster.save_raw("json"))
        case _:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.json"
                fitted.save_model(str(path), format="json")
                return path.read_bytes()
