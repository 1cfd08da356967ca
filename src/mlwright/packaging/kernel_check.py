"""The check of an imported forest: its package and what it came from answer the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl

from mlwright.features import NULL_CODE, NativeColumn
from mlwright.packaging.forest import Floats
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.parity import ParityReport, check_parity, edge_matrix
from mlwright.packaging.predictor import PackagePredictor

Answers: TypeAlias = Callable[[Floats], Floats]
"""Scores of the rows of a matrix. A column of texts holds places in its levels, -1 for a text that is not
listed; null is the text "" (as for every transform), NaN when that is not listed."""

CHECK_ROWS = 10_000
MOST_CATEGORY = 300
MOST_CODE = 1e9
MOST_NUMBER = 3e38
SEED = 7
NEVER_SEEN = "\u2603 never seen"


def check_kernel(
    folder: Path, model: KernelModel, answers: Answers, rows: Floats | None = None
) -> ParityReport:
    """Compare a package with the source of its model on made rows, and on real ones where they are given.

    Raises `ParityFailed`.
    """
    matrix, edge_rows = check_rows(model)
    if rows is not None:
        matrix = np.vstack([rows, matrix])
    predictor = PackagePredictor(folder)
    if predictor.is_tensor:
        packaged = predictor.predict_matrix(matrix)
    else:
        packaged = predictor.predict_columns(_as_columns(matrix, model), len(matrix))
    return check_parity(
        answers(matrix),
        packaged,
        edge_rows=edge_rows,
        threshold=model.threshold if model.task == "binary" else None,
        what=folder.name[:12],
        rows=pl.DataFrame(matrix, schema=[column.name for column in model.columns]),
    )


def check_rows(model: KernelModel) -> tuple[Floats, int]:
    """Make rows over the ranges in which the model splits; the last ones are on and beside its thresholds."""
    near = model.near
    matrix = _generated(len(model.columns), near)
    for place in model.categorical:
        matrix[:, place] = np.random.default_rng(place).choice(_categories(model, near, place), len(matrix))
    edges = edge_matrix(matrix, near, SEED)
    rows = np.vstack([matrix, edges])
    for place, levels in model.levels.items():
        rows[:, place] = _level_places(rows[:, place], levels)
        if place in model.closed:
            rows[:, place] = np.where(rows[:, place] < 0, 0.0, rows[:, place])
    for place in model.categorical - set(model.levels):
        rows[:, place] = np.trunc(rows[:, place].clip(-MOST_CODE, MOST_CODE))
    if not model.takes_infinite:
        rows = rows.clip(-MOST_NUMBER, MOST_NUMBER)
    for place, (low, high) in model.limits.items():
        rows[:, place] = rows[:, place].clip(low, high)
    for place, column in enumerate(model.columns):
        if column.type == "boolean":
            rows[:, place] = np.where(np.isnan(rows[:, place]), np.nan, rows[:, place] > 0)
        if not column.nullable:
            rows[:, place] = np.nan_to_num(rows[:, place])
    return rows, len(edges)


def _categories(model: KernelModel, near: Mapping[int, Sequence[float]], place: int) -> Floats:
    """Give the categories of a column, and one that it does not know."""
    if place in model.levels:
        return np.arange(-1.0, len(model.levels[place]))
    if place in near:
        return np.array([*near[place], max(near[place]) + 1, -1.0])
    return np.arange(-1.0, MOST_CATEGORY)


def _level_places(values: Floats, levels: Sequence[str]) -> Floats:
    null = float(levels.index("")) if "" in levels else np.nan
    with np.errstate(invalid="ignore"):
        is_known = (values >= 0) & (values < len(levels))
    return np.where(np.isnan(values), null, np.where(is_known, np.floor(values), -1.0))


def _generated(width: int, thresholds: dict[int, list[float]]) -> Floats:
    generator = np.random.default_rng(SEED)
    matrix = generator.normal(size=(CHECK_ROWS, width))
    for place, values in thresholds.items():
        known = [value for value in values if np.isfinite(value)] or [0.0]  # inf splits off missing values
        low, high = min(known), max(known)
        spread = (high - low) or max(abs(high), 1.0)
        matrix[:, place] = generator.uniform(low - 0.1 * spread, high + 0.1 * spread, CHECK_ROWS)
    return matrix


def _as_columns(matrix: Floats, model: KernelModel) -> list[NativeColumn]:
    """Give a matrix as named columns; places in the levels become their texts."""
    columns: list[NativeColumn] = []
    for place, column in enumerate(model.columns):
        values = np.ascontiguousarray(matrix[:, place])
        if place in model.levels:
            texts = model.levels[place]
            null = texts.index("") if "" in texts else -2
            codes = np.where(values < 0, len(texts), values)
            codes = np.where(np.isnan(values) | (values == null), NULL_CODE, codes)
            columns.append((column.name, "string", codes.astype(np.uint32), [*texts, NEVER_SEEN]))
        else:
            columns.append((column.name, column.type, values, None))
    return columns
