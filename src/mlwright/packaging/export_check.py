"""The parity gate of an exported graph: it answers as the package that it was lowered from.

The package is run by the code that serves it, the graph by ONNX Runtime: rows of the training data where the
project still has them, else rows made from the package, and edge rows; most in batches, some one at a time,
which a runtime computes in another way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import ParityFailed
from mlwright.features import TransformDocument, apply_transform, native_columns
from mlwright.features.document import TextEntry
from mlwright.packaging.blend_file import forest_in
from mlwright.packaging.exporting import ExportedGraph, with_outputs
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.forest_file import read_forest
from mlwright.packaging.graph_check import check_graph
from mlwright.packaging.graph_run import Tensor, not_run, open_session
from mlwright.packaging.importing import convert_onnx
from mlwright.packaging.lower_time import NULL_TIME
from mlwright.packaging.made_rows import made_frame, made_matrix
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.parity import (
    EDGE_ROWS,
    REAL_ROWS,
    TOLERANCE,
    Difference,
    edge_frame,
    edge_matrix,
    find_difference,
)
from mlwright.packaging.predictor import PackagePredictor
from mlwright.packaging.text_rows import edge_texts

Floats: TypeAlias = npt.NDArray[np.float64]
Tell: TypeAlias = Callable[[float, str], None]
"""Hears how far the check is, 0..1, and what it does."""

FEWEST_ROWS = 10_000
BATCH = 1_000
SINGLE_ROWS = 200
SEED = 7


@dataclass(frozen=True)
class ExportReport:
    """On how many rows graph and package were compared, and how far apart they are."""

    real_rows: int
    made_rows: int
    edge_rows: int
    largest_difference: float
    label_flips: int


@dataclass(frozen=True)
class _Rows:
    """Rows as the package takes them and as the graph does."""

    frame: pl.DataFrame
    tensors: Mapping[str, Tensor]
    packaged: Floats
    real: int
    edges: int
    texts: int = 0
    """How many of the edge rows, the last ones, have texts for what is read of words."""


def check_export(
    folder: Path, exported: ExportedGraph, *, real: pl.DataFrame | None, tell: Tell
) -> ExportReport:
    """Compare a graph with its package; `real` are rows of the training data, conformed to the contract.

    Raises `ParityFailed` naming the row and the step that differs, `ModelUnsupported` when ONNX Runtime does
    not run the graph.
    """
    predictor = PackagePredictor(folder)
    engine = predictor.manifest["engine"]
    assert isinstance(engine, dict)
    if engine["kind"] == "onnx" and predictor.is_tensor:
        tell(0.0, "generated tensors")
        graph = read_graph((folder / engine["file"]).read_bytes())
        report = check_graph(folder, convert_onnx(exported.data).answers, graph, folder.name[:12])
        return ExportReport(0, report.rows, 0, report.largest_difference, report.label_flips)
    trees = forest_in(folder / engine["file"])
    rows = (
        _matrix_rows(predictor, exported, trees)
        if predictor.is_tensor
        else _column_rows(predictor, folder, trees, real)
    )
    answers = _run(exported.data, rows.tensors, tell)
    try:
        found = _compare(predictor, rows, answers, slice(None))
        _compare(predictor, rows, _run_single(exported.data, rows.tensors), _single(len(rows.packaged)))
        _compare_texts(folder, exported, rows, predictor)
    except ParityFailed as cause:
        step = _differing_step(folder, exported, rows, predictor)
        raise ParityFailed(
            f"the graph does not answer as the package: {step} differs",
            hint="nothing is written; report this with the package, and serve it with `mlwright serve`",
            step=step,
            **cause.facts,
        ) from cause
    made = len(rows.packaged) - rows.real - rows.edges
    return ExportReport(rows.real, made, rows.edges, found.largest, found.label_flips)


def column_tensors(frame: pl.DataFrame, columns: Sequence[Column]) -> dict[str, Tensor]:
    """Give the columns of a conformed frame as an exported graph takes them."""
    tensors: dict[str, Tensor] = {}
    for column in columns:
        values = frame[column.name]
        match column.type:
            case "string":
                array: Tensor = values.cast(pl.String).fill_null("").to_numpy().astype(np.object_)
            case "timestamp":
                moments = values.cast(pl.Datetime("us")).to_physical().fill_null(NULL_TIME)
                array = moments.to_numpy().astype(np.int64)
            case "number" | "integer" | "boolean":
                array = values.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
        tensors[column.name] = array.reshape(-1, 1)
    return tensors


def _column_rows(
    predictor: PackagePredictor, folder: Path, trees: bytes | None, real: pl.DataFrame | None
) -> _Rows:
    columns = predictor.columns
    transform = _transform(folder)
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    thresholds = {} if trees is None else thresholds_of(trees)
    frames = []
    if real is not None and real.height:
        read = real.select([column.name for column in columns])
        frames.append(read.sample(min(REAL_ROWS, read.height), seed=SEED))
    known = sum(frame.height for frame in frames)
    if known < FEWEST_ROWS:
        missing = FEWEST_ROWS - known
        frames.append(made_frame(columns, transform, contract, thresholds, rows=missing, seed=SEED))
    plain = pl.concat(frames, how="vertical_relaxed")
    edges = edge_frame(plain, columns, thresholds, transform, rows=EDGE_ROWS, seed=SEED)
    texts = _text_edges(plain, transform)
    both = pl.concat([plain, edges, texts], how="vertical_relaxed")
    packaged = predictor.predict_columns(native_columns(both, columns), both.height)
    tensors, odd = column_tensors(both, columns), edges.height + texts.height
    return _Rows(both, tensors, packaged, real=known, edges=odd, texts=texts.height)


def _text_edges(plain: pl.DataFrame, transform: TransformDocument) -> pl.DataFrame:
    """Give rows with the edge texts of each column of sentences; none where there is no such column."""
    entries: dict[str, list[TextEntry]] = {}
    for entry in transform.get("texts", ()):
        entries.setdefault(entry["column"], []).append(entry)
    texts = {column: edge_texts(found) for column, found in entries.items()}
    rows = max(map(len, texts.values()), default=0)
    base = plain[np.arange(rows) % plain.height]
    made = [pl.Series(column, found)[np.arange(rows) % len(found)] for column, found in texts.items()]
    return base.with_columns(made)


def _matrix_rows(predictor: PackagePredictor, exported: ExportedGraph, trees: bytes | None) -> _Rows:
    name, width = exported.inputs[0].name, exported.inputs[0].shape[1]
    forest = None if trees is None else read_forest(trees)
    plain = made_matrix(width, forest, rows=FEWEST_ROWS, seed=SEED)
    edges = edge_matrix(plain, {} if trees is None else thresholds_of(trees), SEED)
    both = np.vstack([plain, edges])
    frame = pl.DataFrame(both, schema=[f"{name}[{place}]" for place in range(width)])
    return _Rows(frame, {name: both}, predictor.predict_matrix(both), 0, len(edges))


def _run(data: bytes, tensors: Mapping[str, Tensor], tell: Tell) -> dict[str, Tensor]:
    """Give what the graph answers, batch by batch."""
    rows = len(next(iter(tensors.values())))
    try:
        session = open_session(data)
        names = [output.name for output in session.get_outputs()]
        found: list[list[Tensor]] = []
        for start in range(0, rows, BATCH):
            tell(start / rows, f"{start:,} of {rows:,} rows")
            batch = {name: values[start : start + BATCH] for name, values in tensors.items()}
            found.append(session.run(None, batch))
    except Exception as cause:  # the runtime's errors share no class of their own
        raise not_run(cause) from cause
    return {name: np.concatenate([part[place] for part in found]) for place, name in enumerate(names)}


def _say_nothing(_share: float, _text: str) -> None:
    """Ignore how far a check is."""


def _single(rows: int) -> npt.NDArray[np.int64]:
    """Choose the rows that are asked one at a time."""
    return np.unique(np.linspace(0, rows - 1, SINGLE_ROWS).astype(np.int64))


def _run_single(data: bytes, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    session = open_session(data)
    names = [output.name for output in session.get_outputs()]
    rows = _single(len(next(iter(tensors.values()))))
    found = [
        session.run(None, {name: values[row : row + 1] for name, values in tensors.items()}) for row in rows
    ]
    return {name: np.concatenate([part[place] for part in found]) for place, name in enumerate(names)}


def _compare(
    predictor: PackagePredictor,
    rows: _Rows,
    answers: Mapping[str, Tensor],
    chosen: slice | npt.NDArray[np.int64],
) -> Difference:
    """Hold scores and predicted classes to the package's. Raises `ParityFailed`."""
    packaged, frame = rows.packaged[chosen], rows.frame[chosen]
    threshold = predictor.threshold if predictor.task == "binary" else None
    found = find_difference(packaged, _scores(predictor, answers), threshold=threshold)
    edges = rows.edges if isinstance(chosen, slice) else 0
    if not found.is_allowed:
        raise _differs(f"the scores differ {found.describe(edges, len(packaged), frame)}", found)
    if predictor.task != "regression":
        classes = np.array(predictor.classes, dtype=np.object_)
        wanted = classes[predictor.decide(packaged)]
        given = next(iter(answers.values()))[:, 0].astype(np.object_)
        flipped = np.flatnonzero(wanted != given)
        if len(flipped):
            said = f"it predicts {given[flipped[0]]!r}, the package {wanted[flipped[0]]!r}"
            flips = replace(found, label_flips=len(flipped), worst_row=int(flipped[0]))
            raise _differs(f"{said}, {flips.describe(edges, len(packaged), frame)}", flips)
    return found


def _compare_texts(folder: Path, exported: ExportedGraph, rows: _Rows, predictor: PackagePredictor) -> None:
    """Hold what is read of texts to the package's: a model may not show that a character was misread.

    Raises `ParityFailed`.
    """
    if not rows.texts:
        return
    last = slice(-rows.texts, None)
    tensors = {name: values[last] for name, values in rows.tensors.items()}
    wanted, given = _features(folder, exported, rows.frame[last], tensors, predictor)
    found = find_difference(wanted, given, threshold=None)
    if found.largest > TOLERANCE:
        raise _differs(f"what is read of the texts differs by up to {found.largest:.3g}", found)


def _differs(message: str, found: Difference) -> ParityFailed:
    return ParityFailed(
        message,
        hint="report this with the package",
        largest_difference=found.largest,
        label_flips=found.label_flips,
    )


def _scores(predictor: PackagePredictor, answers: Mapping[str, Tensor]) -> Floats:
    """Give the scores in the shape of the package's, out of the outputs in their order."""
    tensors = list(answers.values())
    place = {"regression": 0, "binary": 1}.get(predictor.task, -1)
    scores = np.asarray(tensors[place], dtype=np.float64)
    return scores if predictor.task == "multiclass" else scores[:, 0]


def _differing_step(folder: Path, exported: ExportedGraph, rows: _Rows, predictor: PackagePredictor) -> str:
    """Say which step of package and graph is the first to differ."""
    engine: Any = predictor.manifest["engine"]
    model = f"the model ({engine['kind']})"
    if not exported.features:
        return model
    document = _transform(folder)
    wanted, given = _features(folder, exported, rows.frame, rows.tensors, predictor)
    for place, output in enumerate(document["outputs"]):
        if not np.array_equal(wanted[:, place], given[:, place], equal_nan=True):
            return f"output {output['name']!r} of the transform ({output['op']} of {output['column']!r})"
    return model


def _features(
    folder: Path,
    exported: ExportedGraph,
    frame: pl.DataFrame,
    tensors: Mapping[str, Tensor],
    predictor: PackagePredictor,
) -> tuple[Floats, Floats]:
    """Give the matrix that the package's transform makes, and the one inside the graph."""
    shown = with_outputs(exported.data, [exported.features])
    given = _run(shown, tensors, _say_nothing)[exported.features]
    return apply_transform(_transform(folder), frame, predictor.columns), given.astype(np.float64)


def _transform(folder: Path) -> TransformDocument:
    document: TransformDocument = json.loads((folder / "transform.json").read_text(encoding="utf-8"))
    return document
