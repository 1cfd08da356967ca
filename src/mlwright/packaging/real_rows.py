"""Rows of a table as a model's check asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from mlwright.data import Column, ColumnType, conform_columns
from mlwright.errors import ContractBroken
from mlwright.packaging.forest import Floats
from mlwright.packaging.graph_run import NUMPY_TYPES, Tensor
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.onnx_graph import Graph

MOST_ROWS = 20_000
SEED = 7
TYPES: Mapping[str, ColumnType] = {
    "INT64": "integer",
    "INT32": "integer",
    "BOOL": "boolean",
    "BYTES": "string",
}


def kernel_rows(model: KernelModel, frame: pl.DataFrame) -> Floats:
    """Give rows by column: texts are places in the levels of their column, -1 where they are none.

    Columns without names are taken in their order. Raises `ColumnMissing`, `ContractBroken`.
    """
    if not model.is_named:
        frame = _first(frame, len(model.columns)).rename(
            dict(zip(frame.columns, (column.name for column in model.columns), strict=False))
        )
    return kernel_matrix(model, _sample(frame))


def kernel_matrix(model: KernelModel, frame: pl.DataFrame) -> Floats:
    """Give every row of named columns as `kernel_rows` does."""
    columns = list(model.columns)
    typed = conform_columns(frame, columns)
    matrix = np.empty((typed.height, len(columns)))
    for place, column in enumerate(columns):
        values = typed[column.name]
        if place in model.levels:
            texts = model.levels[place]
            codes = {text: float(code) for code, text in enumerate(texts)}
            known = values.fill_null("") if "" in codes else values
            placed = [None if text is None else codes.get(text, -1.0) for text in known.to_list()]
            values = pl.Series(placed, dtype=pl.Float64)
        matrix[:, place] = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return matrix


def with_texts(model: KernelModel, frame: pl.DataFrame) -> KernelModel:
    """Let a model know the texts of rows in the columns that it reads word by word."""
    if not model.sentences:
        return model
    levels = dict(model.levels)
    for place in model.sentences:
        given = frame[model.columns[place].name].cast(pl.String).drop_nulls().unique(maintain_order=True)
        levels[place] = tuple(dict.fromkeys([*levels[place], *given.to_list()]))
    return replace(model, levels=levels)


def graph_rows(graph: Graph, frame: pl.DataFrame) -> dict[str, Tensor]:
    """Give tensors: one matrix takes the columns in their order, several take the column of their name.

    Raises `ColumnMissing`, `ContractBroken` for a tensor that no table holds.
    """
    if len(graph.inputs) == 1 and len(shape := _shape(graph, 0)) == 2 and shape[1] > 1:
        names = _first(frame, shape[1]).columns
        typed = conform_columns(_sample(frame), [Column(name, "number") for name in names])
        matrix = typed.select(pl.all().fill_null(float("nan"))).to_numpy()
        return {str(graph.inputs[0]["name"]): matrix.astype(NUMPY_TYPES[str(graph.inputs[0]["datatype"])])}
    columns = []
    for place, entry in enumerate(graph.inputs):
        if _shape(graph, place)[1:] not in ([], [1], [-1]):
            raise ContractBroken(
                f"the input {entry['name']!r} has the shape {_shape(graph, place)}, a column has [-1, 1]",
                hint="import without --data",
                column=str(entry["name"]),
            )
        columns.append(Column(str(entry["name"]), TYPES.get(str(entry["datatype"]), "number")))
    typed = conform_columns(_sample(frame), columns).drop_nulls()
    return {
        str(entry["name"]): typed[str(entry["name"])]
        .to_numpy()
        .astype(NUMPY_TYPES[str(entry["datatype"])])
        .reshape((-1, 1) if len(_shape(graph, place)) == 2 else (-1,))
        for place, entry in enumerate(graph.inputs)
    }


def _first(frame: pl.DataFrame, width: int) -> pl.DataFrame:
    if len(frame.columns) < width:
        raise ContractBroken(
            f"the model takes {width} numbers per row, the table has {len(frame.columns)} columns",
            hint="give a table with the model's columns first, in their order",
        )
    return frame.select(frame.columns[:width])


def _sample(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame.height <= MOST_ROWS else frame.sample(MOST_ROWS, seed=SEED)


def _shape(graph: Graph, place: int) -> list[int]:
    shape = graph.inputs[place]["shape"]
    assert isinstance(shape, list)
    return shape
