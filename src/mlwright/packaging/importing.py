"""Models that were trained elsewhere: package content, and the check that it answers the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.packaging.catboost_file import read_catboost
from mlwright.packaging.catboost_trees import trees_from_catboost
from mlwright.packaging.catboost_walk import catboost_answers, hold_to_catboost
from mlwright.packaging.estimators import estimator_answers, trees_from_estimator
from mlwright.packaging.forest import UNREADABLE, Floats
from mlwright.packaging.graph_check import check_graph
from mlwright.packaging.kernel_check import check_kernel, check_rows
from mlwright.packaging.kernel_content import default_classes, kernel_content
from mlwright.packaging.library import Library
from mlwright.packaging.linear_estimators import is_linear
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.package import PackageContent, Signature
from mlwright.packaging.parity import ParityReport
from mlwright.packaging.pipelines import convert_pipeline
from mlwright.packaging.trees import trees_from_lightgbm
from mlwright.packaging.xgboost_file import read_xgboost
from mlwright.packaging.xgboost_trees import trees_from_xgboost
from mlwright.packaging.xgboost_walk import hold_to_xgboost, xgboost_answers


@dataclass(frozen=True)
class ImportedModel:
    """Package content, and the check of a published package against what the model came from."""

    content: PackageContent
    check: Callable[[Path], ParityReport]
    compared_with: str
    """What the check compares with, in words."""


def import_lightgbm(data: bytes, name: str) -> ImportedModel:
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

    content = kernel_content(model, name, "a LightGBM text model")
    return ImportedModel(content, lambda folder: check_kernel(folder, model, answers), "lightgbm")


def import_xgboost(data: bytes, name: str, library: Library | None = None) -> ImportedModel:
    """Read an XGBoost model in JSON or UBJSON.

    With feature names it takes named columns, all of them optional: numbers, texts where a data frame had
    categories, whole numbers where the library had codes of categories. It is held to the trees of the file,
    and to XGBoost when that is given. Raises `ModelUnsupported`.
    """
    source = read_xgboost(data)
    model = trees_from_xgboost(source)
    content = kernel_content(model, name, "an XGBoost model")

    def check(folder: Path) -> ParityReport:
        report = check_kernel(folder, model, partial(xgboost_answers, source))
        if library is not None:
            hold_to_xgboost(source, check_rows(model)[0], library, data)
        return report

    return ImportedModel(content, check, _compared_with(library))


def import_catboost(data: bytes, name: str, library: Library | None = None) -> ImportedModel:
    """Read a CatBoost model in JSON.

    With feature names or categories it takes named columns, all of them optional; categories are texts, also
    where they were numbers ("3"). It is held to the trees of the file, and to CatBoost when that is given.
    Raises `ModelUnsupported`.
    """
    source = read_catboost(data)
    model = trees_from_catboost(source)
    content = kernel_content(model, name, "a CatBoost model")

    def check(folder: Path) -> ParityReport:
        report = check_kernel(folder, model, partial(catboost_answers, source))
        if library is not None:
            hold_to_catboost(source, check_rows(model)[0], library, data)
        return report

    return ImportedModel(content, check, _compared_with(library))


def import_fitted(fitted: object, name: str) -> ImportedModel:
    """Take a fitted object: a scikit-learn pipeline, linear model, tree, forest or boosting.

    Raises `ModelUnsupported`.
    """
    from sklearn.pipeline import Pipeline

    if isinstance(fitted, Pipeline) or is_linear(fitted):
        converted = convert_pipeline(fitted)
        model, answers = converted.model, converted.answers
    else:
        model = trees_from_estimator(fitted)
        answers = partial(estimator_answers, fitted, model)
    content = kernel_content(model, name, f"a {type(fitted).__name__}")
    return ImportedModel(content, lambda folder: check_kernel(folder, model, answers), "scikit-learn")


def import_onnx(data: bytes, name: str) -> ImportedModel:
    """Read an ONNX graph; a ZipMap at its end is removed, so that probabilities are one tensor.

    Raises `ModelUnsupported` for external data, sequences, or a graph that ONNX itself refuses.
    """
    graph = read_graph(data)
    classes = graph.labels or default_classes(graph.task, graph.width)
    content = PackageContent(
        name=name,
        task=graph.task,
        engine="onnx",
        model=graph.data,
        signature=Signature(
            kind="tensor",
            inputs=graph.inputs,
            outputs=graph.outputs,
            classes=classes,
            positive=classes[1] if graph.task == "binary" else None,
            threshold=0.5 if graph.task == "binary" else None,
        ),
        card=f"# {name}\n\nImported from an ONNX graph.\n",
        provenance={"run": None, "data": [], "libraries": {}, "seed": None},
    )

    return ImportedModel(content, lambda folder: check_graph(folder, data, graph, name), "onnxruntime")


def _compared_with(library: Library | None) -> str:
    return "the trees of the file" if library is None else f"{library.name} and the trees of the file"
