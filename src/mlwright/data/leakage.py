"""Smell columns that know the label: one alone that almost determines it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.finding import Finding

Cells: TypeAlias = npt.NDArray[np.int64]

FEWEST_ROWS = 200
MOST_ROWS = 100_000
CELLS = 64
MOST_LEVELS = 255
VALUES_AT_ONCE = 400_000  # in memory as numbers
FEWEST_OF_CLASS = 10
SHARES = np.arange(1, CELLS - 1) / (CELLS - 1)
NUMBERS = np.arange(1, CELLS)
BAR_AUC = 0.95
BAR_R2 = 0.95


def smell_label_copies(
    frame: pl.DataFrame, inputs: Sequence[Column], label: pl.Series, classes: Sequence[ClassValue]
) -> list[Finding]:
    """Name columns of a typed frame from which a label of the same rows can be told almost alone."""
    types = {column.name: column.type for column in inputs}
    if not classes:
        return smell_leakage(frame, types, [label.cast(pl.Float64).to_numpy()], is_class=False)
    wanted = classes[1:] if len(classes) == 2 else classes
    targets = [(label == value).cast(pl.Float64).to_numpy() for value in wanted]
    return smell_leakage(frame, types, targets, is_class=True)


def smell_leakage(
    frame: pl.DataFrame,
    types: Mapping[str, ColumnType],
    targets: Sequence[npt.NDArray[np.float64]],
    *,
    is_class: bool,
) -> list[Finding]:
    """Name columns from which the label can be told almost alone.

    `targets` are 0/1 per class (one for binary), or the values of a regression. A column's power is measured
    on the means of the label over at most 64 ranges of it.
    """
    if frame.height < FEWEST_ROWS:
        return []
    step = max(1, frame.height // MOST_ROWS)
    sampled = frame.gather_every(step)
    found = []
    for names, cells in _all_cells(sampled, types):
        powers = np.max([_powers(cells, target[::step], is_class=is_class) for target in targets], axis=0)
        for name, power in zip(names, powers.tolist(), strict=True):
            if power >= (BAR_AUC if is_class else BAR_R2):
                measure = "AUC" if is_class else "R²"
                message = f"{name!r} alone tells the label ({measure} {power:.3f}): is it known in time?"
                found.append(Finding("leakage.column", "warning", message, {"column": name, "power": power}))
    return found


def _all_cells(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> Iterator[tuple[list[str], Cells]]:
    """Give the cells of the rows of columns that can be cut into few, some columns at a time."""
    names = [name for name, kind in types.items() if kind != "string"]
    at_once = max(1, VALUES_AT_ONCE // max(frame.height, 1))
    for at in range(0, len(names), at_once):
        some = names[at : at + at_once]
        numbers = frame.select(pl.col(some).to_physical().cast(pl.Float64)).to_numpy()
        yield some, np.stack([_ranges(values) for values in np.ascontiguousarray(numbers.T)])
    for name, kind in types.items():
        if kind == "string" and frame[name].n_unique() <= MOST_LEVELS:
            yield [name], frame[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()[None, :]


def _ranges(values: npt.NDArray[np.float64]) -> Cells:
    """Cut at 62 quantiles of the finite values; a cell of its own for NaN."""
    order = np.argsort(values)  # NaN stands last
    ordered = values[order]
    known = len(values) - int(np.isnan(ordered).sum())
    given = ordered[:known][np.isfinite(ordered[:known])]
    cells = np.zeros(len(values), dtype=np.int64)
    if not len(given):
        return cells
    places = SHARES * (len(given) - 1)
    below = places.astype(np.int64)
    lower, upper = given[below], given[np.minimum(below + 1, len(given) - 1)]
    edges = lower + (places - below) * (upper - lower)
    ends = np.full(CELLS - 1, known)
    ends[:-1] = ordered[:known].searchsorted(edges, side="right")
    ends[1:] -= ends[:-1].copy()
    cells[order[:known]] = NUMBERS.repeat(ends)
    return cells


def _powers(cells: Cells, target: npt.NDArray[np.float64], *, is_class: bool) -> npt.NDArray[np.float64]:
    """Give for each column (row of `cells`) how well the label's means in its cells tell the label."""
    columns, levels = len(cells), int(cells.max(initial=0)) + 1
    counts, sums = _sums(cells, np.ones(len(target)), levels), _sums(cells, target, levels)
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    if not is_class:
        spread = float(np.var(target))
        told = np.take_along_axis(means, cells, axis=1)
        return np.zeros(columns) if spread == 0 else 1 - np.mean((target - told) ** 2, axis=1) / spread
    positives, negatives = float(target.sum()), float(len(target) - target.sum())
    if min(positives, negatives) < FEWEST_OF_CLASS:
        return np.zeros(columns)
    order = np.argsort(means, axis=1, kind="stable")
    ordered = np.take_along_axis(means, order, axis=1)
    is_new = np.diff(ordered, axis=1, prepend=ordered[:, :1]) != 0
    ties = np.cumsum(is_new, axis=1) + np.arange(columns)[:, None] * levels
    won, lost = (
        np.bincount(ties.ravel(), np.take_along_axis(part, order, axis=1).ravel(), columns * levels)
        for part in (sums, counts - sums)
    )
    won, lost = won.reshape(columns, levels), lost.reshape(columns, levels)
    below = np.cumsum(lost, axis=1) - lost
    return np.asarray((won * (below + lost / 2)).sum(axis=1) / (positives * negatives))


def _sums(cells: Cells, values: npt.NDArray[np.float64], levels: int) -> npt.NDArray[np.float64]:
    places = cells + np.arange(len(cells))[:, None] * levels
    found = np.bincount(places.ravel(), np.tile(values, len(cells)), len(cells) * levels)
    return np.asarray(found.reshape(len(cells), levels), dtype=np.float64)
