"""Rows on which a model of one's own and its package are compared: real ones, and the edges of its range."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mlwright.data import Column
from mlwright.lifecycle.own_model import OwnModel
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.parity import EDGE_ROWS, REAL_ROWS, edge_frame
from mlwright.training.own_problem import OwnProblem

BEYOND = 10.0
"""How far beyond the range of the rows a model of sums is asked, in ranges."""


def gate_rows(model: OwnModel, problem: OwnProblem, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Give real rows and after them edge rows that the library takes, and how many are edge rows."""
    columns = list(problem.columns)
    seed = problem.seed % 2**31
    thresholds = thresholds_of(model.data) if model.engine == "trees" else {}
    edges = edge_frame(frame, columns, thresholds, model.transform, rows=EDGE_ROWS, seed=seed)
    limits = model.limits if model.limits is not None else _beyond(frame, columns)
    edges = edges.with_columns(_taken(edges[column.name], column, model, limits) for column in columns)
    real = frame.sample(min(REAL_ROWS, frame.height), seed=seed)
    real = real.cast({name: kind for name, kind in edges.schema.items() if real.schema[name] != kind})
    return pl.concat([real, edges]), edges.height


def _taken(
    values: pl.Series, column: Column, model: OwnModel, limits: Mapping[str, tuple[float, float]]
) -> pl.Series:
    """Replace what the library does not take: null, texts that its encoder refuses, numbers out of range."""
    if column.name in limits and values.dtype.is_numeric():
        values = values.clip(*limits[column.name])
    levels = (model.closed or {}).get(column.name)
    if levels is not None:
        known = values.is_in(list(levels)) | values.is_null()
        values = values.zip_with(known, pl.Series([levels[0]]).new_from_index(0, len(values)))
    if column.name in model.refuses_null:
        fill = values.drop_nulls()
        values = values.fill_null(fill[0]) if len(fill) else values
    return values.alias(column.name)


def _beyond(frame: pl.DataFrame, columns: list[Column]) -> dict[str, tuple[float, float]]:
    found = {}
    for column in columns:
        if column.type not in ("number", "integer"):
            continue
        values = frame[column.name].cast(pl.Float64).drop_nulls()
        values = values.filter(values.is_finite())
        low, high = (float(str(values.min())), float(str(values.max()))) if len(values) else (0.0, 1.0)
        spread = (high - low) or max(abs(high), 1.0)
        found[column.name] = (low - BEYOND * spread, high + BEYOND * spread)
    return found
