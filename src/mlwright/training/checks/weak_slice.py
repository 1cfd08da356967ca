"""Find parts of the rows in which a model ranks (or estimates) worse than elsewhere.

Idea: slices are the values of a column, or quarters of its numbers, and pairs of them. The AUC inside a slice
is held against the mean AUC inside all slices of the same columns: between slices a column itself ranks, so
that the overall AUC would call honest slices weak. The variance of an AUC is DeLong's. Half of the error rate
goes to single slices and half to pairs, each by Holm, so that a thousand pairs do not hide a single column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import erfc, sqrt

import numpy as np
import polars as pl

from mlwright.data import Finding
from mlwright.evaluation import holm
from mlwright.training.checks.check import CheckInput, Floats, Rows
from mlwright.training.checks.column_power import average_ranks, numbers_of
from mlwright.training.checks.quick_model import sample_rows
from mlwright.training.problem import goal_of

ERROR_RATE = 0.05
FEWEST_ROWS = 100
FEWEST_OF_CLASS = 15
LARGEST_SHARE = 0.5
MOST_LEVELS = 20
MOST_COLUMNS = 10
MOST_ROWS = 30_000
PARTS = 4
LEAST_AUC_GAP = 0.05
LEAST_LOSS_RATIO = 1.5
LEAST_RATE = 0.1
MOST_TOLD = 3


@dataclass(frozen=True)
class WeakSlice:
    """A slice with its quality, that of its neighbours, and the chance of such a gap (after Holm)."""

    name: str
    rows: int
    value: float
    reference: float
    chance: float


def check_slices(given: CheckInput) -> list[Finding]:
    """Name slices that are surely weaker: `slice.weak`."""
    if given.scores is None or len(given.test) < 2 * FEWEST_ROWS:
        return []
    chosen = sample_rows(len(given.test), MOST_ROWS, given.seed)
    rows = given.test[chosen]
    frame = given.frame[rows].select(column.name for column in given.inputs)
    goal = goal_of(given.task, given.training)
    weak = weak_slices(
        frame,
        given.target[rows],
        given.scores[chosen],
        is_ranked=goal == "binary",
        is_count=goal == "poisson",
    )
    measure = {"binary": "AUC", "poisson": "squared error over rate"}.get(goal, "squared error")
    return [
        Finding(
            "slice.weak",
            "warning",
            f"{measure} is {one.value:.3g} where {one.name} ({one.rows:,} rows), else {one.reference:.3g}",
            {
                "slice": one.name,
                "rows": one.rows,
                "value": one.value,
                "reference": one.reference,
                "p": one.chance,
            },
            "look at these rows: wrong labels, too few to learn from, or a column that is missing there",
            one.name,
        )
        for one in weak[:MOST_TOLD]
    ]


def weak_slices(
    frame: pl.DataFrame, target: Floats, scores: Floats, *, is_ranked: bool, is_count: bool = False
) -> list[WeakSlice]:
    """Give surely weak slices, the surest first; a count varies as its rate, and is judged by it."""
    codes = [found for name in frame.columns[:MOST_COLUMNS] if (found := _parts(frame[name])) is not None]
    pairs = [_crossed(left, right) for left, right in combinations(codes, 2)]
    losses = None if is_ranked else _losses(target, scores)
    if losses is not None and is_count:
        losses = losses / np.maximum(scores, LEAST_RATE)
    weak: list[WeakSlice] = []
    for family in (codes, pairs):
        measured = [one for names, part in family for one in _measure(names, part, target, scores, losses)]
        weak += _surely(measured, ERROR_RATE / 2)
    return sorted(weak, key=lambda one: one.chance)


def _parts(values: pl.Series) -> tuple[dict[int, str], Rows] | None:
    """Give the code of each row, with a sentence for each code; None for columns of one value."""
    if values.dtype in (pl.String, pl.Boolean) or values.n_unique() <= MOST_LEVELS:
        texts = values.cast(pl.String).fill_null("(empty)")
        counts = texts.value_counts(sort=True).head(MOST_LEVELS)
        if counts.height < 2:
            return None
        levels = counts[values.name].sort().to_list()
        codes = texts.replace_strict(
            levels, list(range(len(levels))), default=len(levels), return_dtype=pl.Int64
        )
        return {code: f"{values.name} = {level}" for code, level in enumerate(levels)}, codes.to_numpy()
    numbers = numbers_of(values)
    given = numbers[np.isfinite(numbers)]
    edges = np.unique(np.quantile(given, np.linspace(0, 1, PARTS + 1)[1:-1])) if len(given) else given
    if not len(edges):
        return None
    cells = np.searchsorted(edges, np.nan_to_num(numbers, nan=-np.inf), side="left")
    cells[np.isnan(numbers)] = len(edges) + 1
    bounds = [None, *edges.tolist(), None]
    names = {code: _range(values.name, bounds[code], bounds[code + 1]) for code in range(len(edges) + 1)}
    return {**names, len(edges) + 1: f"{values.name} = (empty)"}, cells.astype(np.int64)


def _range(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} <= {high:.6g}"
    return f"{name} > {low:.6g}" if high is None else f"{low:.6g} < {name} <= {high:.6g}"


def _crossed(
    left: tuple[dict[int, str], Rows], right: tuple[dict[int, str], Rows]
) -> tuple[dict[int, str], Rows]:
    width = max(right[0]) + 2
    names = {a * width + b: f"{left[0][a]} and {right[0][b]}" for a in left[0] for b in right[0]}
    return names, left[1] * width + right[1]


def _measure(
    names: dict[int, str], codes: Rows, target: Floats, scores: Floats, losses: Floats | None
) -> Iterator[WeakSlice]:
    """Give each slice that is large enough with the one-sided chance of its gap, before correction."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    measured: list[tuple[int, Rows, float, float]] = []
    for rows in np.split(order, starts[1:]):
        if len(rows) < FEWEST_ROWS or int(codes[rows[0]]) not in names:
            continue
        found = _auc(target[rows], scores[rows]) if losses is None else _mean(losses[rows])
        if found is not None:
            measured.append((int(codes[rows[0]]), rows, *found))
    if len(measured) < 2:
        return
    values = np.array([one[2] for one in measured])
    variances = np.array([one[3] for one in measured])
    sizes = np.array([len(one[1]) for one in measured], dtype=float)
    for place, (code, rows, value, variance) in enumerate(measured):
        others = np.arange(len(measured)) != place
        weights = sizes[others] / sizes[others].sum()
        reference = float(weights @ values[others])
        spread = variance + float(weights**2 @ variances[others])
        is_weak = (
            value <= reference - LEAST_AUC_GAP if losses is None else value >= LEAST_LOSS_RATIO * reference
        )
        if len(rows) <= LARGEST_SHARE * len(codes) and spread > 0:
            chance = 0.5 * erfc(abs(value - reference) / sqrt(2 * spread)) if is_weak else 1.0
            yield WeakSlice(names[code], len(rows), value, reference, chance)


def _auc(target: Floats, scores: Floats) -> tuple[float, float] | None:
    """Give the AUC and its variance by DeLong, DeLong and Clarke-Pearson (1988)."""
    is_positive = target > 0
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    if min(m, n) < FEWEST_OF_CLASS:
        return None
    ranks = average_ranks(scores)
    own = np.empty(len(scores))
    own[is_positive] = average_ranks(scores[is_positive])
    own[~is_positive] = average_ranks(scores[~is_positive])
    above = (ranks - own)[is_positive] / n
    below = 1 - (ranks - own)[~is_positive] / m
    return float(above.mean()), float(above.var(ddof=1) / m + below.var(ddof=1) / n)


def _mean(losses: Floats) -> tuple[float, float]:
    return float(losses.mean()), float(losses.var(ddof=1) / len(losses))


def _losses(target: Floats, scores: Floats) -> Floats:
    if scores.ndim == 1:
        return np.asarray((target - scores) ** 2)
    chosen = scores[np.arange(len(target)), target.astype(np.int64)]
    return np.asarray((1 - chosen) ** 2)


def _surely(measured: list[WeakSlice], rate: float) -> list[WeakSlice]:
    """Keep what Holm's procedure rejects at a rate of error over the whole family."""
    chances = holm([one.chance for one in measured])
    return [
        WeakSlice(one.name, one.rows, one.value, one.reference, chance)
        for one, chance in zip(measured, chances, strict=True)
        if chance <= rate
    ]
