"""Models that were trained elsewhere: package content, and the check that it answers the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.features import NativeColumn
from mlwright.packaging.graph_check import check_graph
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.package import JsonObject, PackageContent, Signature, column_outputs
from mlwright.packaging.parity import ParityReport, check_parity, edge_matrix
from mlwright.packaging.predictor import PackagePredictor
from mlwright.packaging.trees import TreeModel, thresholds_of, trees_from_lightgbm

Floats = npt.NDArray[np.float64]

CHECK_ROWS = 10_000
SEED = 7


@dataclass(frozen=True)
class ImportedModel:
    """Package content and the check against the library that the model came from."""

    content: PackageContent
    check: Callable[[Path], ParityReport]


def import_lightgbm(data: bytes, name: str) -> ImportedModel:
    """Read a LightGBM text model.

    Columns named Column_0, Column_1, … mean that it has no names: it takes one tensor. Other names make
    named columns, all of them optional. Raises `ModelUnsupported`.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as cause:
        raise ModelUnsupported(
            "the file is not a LightGBM text model", hint='write it with `booster.save_model("model.txt")`'
        ) from cause
    model = trees_from_lightgbm(text)
    classes = _classes(model.task, model.outputs)
    has_names = any(column != f"Column_{place}" for place, column in enumerate(model.features))
    signature = _column_signature(model, classes) if has_names else _tensor_signature(model, classes)
    content = PackageContent(
        name=name,
        task=model.task,
        engine="trees",
        model=model.data,
        signature=signature,
        documents=_column_documents(model) if has_names else {},
        card=f"# {name}\n\nImported from a LightGBM text model of {len(model.features)} features.\n",
        provenance={"run": None, "data": [], "libraries": {}, "seed": None},
    )
    return ImportedModel(content, lambda folder: _check_lightgbm(folder, text, model))


def import_onnx(data: bytes, name: str) -> ImportedModel:
    """Read an ONNX graph; a ZipMap at its end is removed, so that probabilities are one tensor.

    Raises `ModelUnsupported` for external data, sequences, or a graph that ONNX itself refuses.
    """
    graph = read_graph(data)
    classes = graph.labels or _classes(graph.task, graph.width)
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

    return ImportedModel(content, lambda folder: check_graph(folder, data, graph, name))


def _check_lightgbm(folder: Path, text: str, model: TreeModel) -> ParityReport:
    import lightgbm as lgb

    predictor = PackagePredictor(folder)
    thresholds = thresholds_of(model.data)
    real = _generated(len(model.features), thresholds)
    for place in model.categorical:
        real[:, place] = np.random.default_rng(place).integers(-1, 300, len(real))
    edges = edge_matrix(real, thresholds, SEED)
    matrix = np.vstack([real, edges])
    expected = np.asarray(lgb.Booster(model_str=text).predict(matrix), dtype=np.float64)
    if predictor.is_tensor:
        packaged = predictor.predict_matrix(matrix)
    else:
        packaged = predictor.predict_columns(_as_columns(matrix, model), len(matrix))
    return check_parity(
        expected,
        packaged,
        edge_rows=len(edges),
        threshold=0.5 if model.task == "binary" else None,
        what=folder.name[:12],
        rows=pl.DataFrame(matrix, schema=list(model.features)),
    )


def _generated(width: int, thresholds: dict[int, list[float]]) -> Floats:
    """Make rows that visit the ranges in which the model splits."""
    generator = np.random.default_rng(SEED)
    matrix = generator.normal(size=(CHECK_ROWS, width))
    for place, values in thresholds.items():
        known = [value for value in values if np.isfinite(value)] or [0.0]  # inf splits off missing values
        low, high = min(known), max(known)
        spread = (high - low) or max(abs(high), 1.0)
        matrix[:, place] = generator.uniform(low - 0.1 * spread, high + 0.1 * spread, CHECK_ROWS)
    return matrix


def _as_columns(matrix: Floats, model: TreeModel) -> list[NativeColumn]:
    """Give a matrix as named columns; indices of pandas categories become their texts."""
    columns: list[NativeColumn] = []
    levels = _levels_by_place(model)
    for place, name in enumerate(model.features):
        values = np.ascontiguousarray(matrix[:, place])
        if place in levels:
            texts = levels[place]
            with np.errstate(invalid="ignore"):
                codes = np.where(np.isfinite(values) & (values >= 0) & (values < len(texts)), values, -1)
            unseen = len(texts)
            coded = np.asarray(np.where(codes < 0, unseen, codes), dtype=np.uint32)
            matrix[:, place] = np.where(coded == unseen, -1.0, coded)
            columns.append((name, "string", coded, [*texts, "\u2603 never seen"]))
        else:
            columns.append((name, "number", values, None))
    return columns


def _levels_by_place(model: TreeModel) -> dict[int, list[str]]:
    """Give the texts of the columns that pandas held as categories: the categorical ones, in order."""
    if not model.levels:
        return {}
    places = sorted(model.categorical)
    if len(places) != len(model.levels):
        raise ModelUnsupported(
            f"the model knows levels of {len(model.levels)} columns but has {len(places)} of categories",
            hint="train on category codes (integers) instead of pandas categories",
        )
    return {
        place: [_text(level) for level in levels] for place, levels in zip(places, model.levels, strict=True)
    }


def _text(level: object) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)


def _classes(task: str, outputs: int) -> tuple[object, ...]:
    if task == "regression":
        return ()
    return (0, 1) if task == "binary" else tuple(range(outputs))


def _tensor_signature(model: TreeModel, classes: Sequence[object]) -> Signature:
    width = len(model.features)
    output: JsonObject = (
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]}
        if classes
        else {"name": "prediction", "datatype": "FP64", "shape": [-1, 1]}
    )
    return Signature(
        kind="tensor",
        inputs=({"name": "input", "datatype": "FP64", "shape": [-1, width]},),
        outputs=(output,),
        classes=tuple(classes),
        positive=classes[1] if model.task == "binary" else None,
        threshold=0.5 if model.task == "binary" else None,
    )


def _column_signature(model: TreeModel, classes: Sequence[object]) -> Signature:
    return Signature(
        kind="columns",
        inputs=tuple(
            {"name": column.name, "type": column.type, "nullable": True} for column in _columns(model)
        ),
        outputs=column_outputs(model.task, classes),
        classes=tuple(classes),
        positive=classes[1] if model.task == "binary" else None,
        threshold=0.5 if model.task == "binary" else None,
    )


def _columns(model: TreeModel) -> list[Column]:
    levels = _levels_by_place(model)
    return [
        Column(name, "string" if place in levels else "number", nullable=True)
        for place, name in enumerate(model.features)
    ]


def _column_documents(model: TreeModel) -> dict[str, JsonObject]:
    levels = _levels_by_place(model)
    columns = _columns(model)
    outputs: list[JsonObject] = [
        {"name": column.name, "op": "level", "column": column.name, "levels": levels[place]}
        if place in levels
        else {"name": column.name, "op": "number", "column": column.name}
        for place, column in enumerate(columns)
    ]
    return {
        "transform.json": {
            "format": 1,
            "inputs": [{"name": column.name, "type": column.type} for column in columns],
            "outputs": outputs,
        },
        "contract.json": {
            "format": 1,
            "columns": [{"name": column.name, "type": column.type, "nullable": True} for column in columns],
        },
    }
