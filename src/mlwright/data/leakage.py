"""Smell columns that know the label: one alone that almost determines it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.finding import Finding

FEWEST_ROWS = 200
MOST_ROWS = 100_000
CELLS = 64
MOST_LEVELS = 255
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
    for name, kind in types.items():
        cells = _cells(sampled[name], kind)
        if cells is None:
            continue
        power = max(_power(cells, target[::step], is_class=is_class) for target in targets)
        if power >= (BAR_AUC if is_class else BAR_R2):
            measure = "AUC" if is_class else "R²"
            message = f"{name!r} alone tells the label ({measure} {power:.3f}): is it known in time?"
            found.append(Finding("leakage.column", "warning", message, {"column": name, "power": power}))
    return found


def _cells(values: pl.Series, kind: ColumnType) -> npt.NDArray[np.int64] | None:
    if kind == "string":
        codes = values.rank("dense").fill_null(0).cast(pl.Int64)
        named: npt.NDArray[np.int64] = codes.to_numpy()
        return named if values.n_unique() <= MOST_LEVELS else None
    numbers = values.to_physical().cast(pl.Float64).to_numpy()
    given = numbers[np.isfinite(numbers)]
    if not len(given):
        return None
    edges = np.unique(np.quantile(given, np.linspace(0, 1, CELLS)[1:-1]))
    cells = np.searchsorted(edges, np.nan_to_num(numbers, nan=-np.inf), side="left") + 1
    cells[np.isnan(numbers)] = 0
    found: npt.NDArray[np.int64] = cells.astype(np.int64)
    return found


def _power(cells: npt.NDArray[np.int64], target: npt.NDArray[np.float64], *, is_class: bool) -> float:
    counts = np.bincount(cells).astype(float)
    sums = np.bincount(cells, weights=target)
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    if not is_class:
        spread = float(np.var(target))
        return 0.0 if spread == 0 else 1 - float(np.mean((target - means[cells]) ** 2)) / spread
    order = np.argsort(means, kind="stable")
    positives, negatives = sums[order], (counts - sums)[order]
    if positives.sum() < 10 or negatives.sum() < 10:
        return 0.0
    ties: dict[float, list[float]] = {}
    for mean, p, n in zip(means[order], positives, negatives, strict=True):
        pair = ties.setdefault(float(mean), [0.0, 0.0])
        pair[0] += p
        pair[1] += n
    below = won = 0.0
    for p, n in ties.values():
        won += p * (below + n / 2)
        below += n
    return float(won / (positives.sum() * negatives.sum()))
