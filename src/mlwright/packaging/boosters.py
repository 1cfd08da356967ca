"""Models of the boosting libraries, from their files or objects, and what they have to answer as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.packaging.catboost_file import read_catboost
from mlwright.packaging.catboost_trees import trees_from_catboost
from mlwright.packaging.catboost_walk import catboost_answers, hold_to_catboost
from mlwright.packaging.conversion import ROWS, Conversion, Tensors
from mlwright.packaging.estimator_trees import library_of, saved_model, with_classes
from mlwright.packaging.forest import UNREADABLE, Floats
from mlwright.packaging.graph_run import Tensor
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.library import Library
from mlwright.packaging.optional import library_named
from mlwright.packaging.trees import trees_from_lightgbm
from mlwright.packaging.xgboost_file import read_xgboost
from mlwright.packaging.xgboost_trees import trees_from_xgboost
from mlwright.packaging.xgboost_walk import hold_to_xgboost, xgboost_answers


def convert_lightgbm(data: bytes) -> Conversion:
    """Read a LightGBM text model.

    Columns named Column_0, Column_1, … mean that it has no names: it takes one tensor. Other names make
    named columns, all of them optional. Raises `ModelUnsupported`.
    """
    try:
        text = data.decode()
        model = trees_from_lightgbm(text)
    except UNREADABLE as cause:
        raise ModelUnsupported(
            f"the file is not a LightGBM text model: {type(cause).__name__} {cause}",
            hint='write it with `booster.save_model("model.txt")`',
        ) from cause

    def answers(matrix: Floats) -> Floats:
        import lightgbm as lgb

        return np.asarray(lgb.Booster(model_str=text).predict(matrix), dtype=np.float64)

    return Conversion(model, kernel_answers(answers), "lightgbm", "a LightGBM text model")


def convert_xgboost(data: bytes, library: Library | None = None) -> Conversion:
    """Read an XGBoost model in JSON or UBJSON.

    With feature names it takes named columns, all of them optional: numbers, texts where a data frame had
    categories, whole numbers where the library had codes of categories. It is held to the trees of the file,
    and to XGBoost when that is given. Raises `ModelUnsupported`.
    """
    source = read_xgboost(data)
    model = trees_from_xgboost(source)

    def answers(matrix: Floats) -> Floats:
        if library is not None:
            hold_to_xgboost(source, matrix, library, data)
        return xgboost_answers(source, matrix)

    return Conversion(model, kernel_answers(answers), _compared_with(library), "an XGBoost model")


def convert_catboost(data: bytes, library: Library | None = None) -> Conversion:
    """Read a CatBoost model in JSON.

    With feature names or categories it takes named columns, all of them optional; categories are texts, also
    where they were numbers ("3"). It is held to the trees of the file, and to CatBoost when that is given.
    Raises `ModelUnsupported`.
    """
    source = read_catboost(data)
    model = trees_from_catboost(source)

    def answers(matrix: Floats) -> Floats:
        if library is not None:
            hold_to_catboost(source, matrix, library, data)
        return catboost_answers(source, matrix)

    return Conversion(model, kernel_answers(answers), _compared_with(library), "a CatBoost model")


def convert_booster(fitted: object) -> Conversion:
    """Convert an object of one of the three libraries, with the classes that it knows."""
    data, library = saved_model(fitted), library_of(fitted)
    if library == "lightgbm":
        conversion = convert_lightgbm(data)
    else:
        convert = convert_xgboost if library == "xgboost" else convert_catboost
        conversion = convert(data, library_named(library))
    assert isinstance(conversion.model, KernelModel)
    return replace(
        conversion, model=with_classes(conversion.model, fitted), kind=f"a {type(fitted).__name__}"
    )


def kernel_answers(answers: Callable[[Floats], Floats]) -> Callable[[Tensors], list[Tensor]]:
    """Give answers to a matrix as answers to the one tensor that a conversion is asked with."""
    return partial(_matrix_answers, answers)


def _matrix_answers(answers: Callable[[Floats], Floats], tensors: Tensors) -> list[Tensor]:
    return [answers(np.asarray(tensors[ROWS], dtype=np.float64))]


def _compared_with(library: Library | None) -> str:
    return "the trees of the file" if library is None else f"{library.name} and the trees of the file"
