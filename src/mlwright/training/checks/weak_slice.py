"""Find parts of the rows in which a model ranks (or estimates) worse than its scores promise.

Idea: slices are the values of a column, or quarters of its numbers, and pairs of them. What is measured in a
slice is held against what its own scores promise (see `promised`): a slice that falls behind has wrong
labels, too few rows to learn from, or lacks a column. Where classes are harder to tell, and honest scores say
so themselves, nothing is wrong: such slices are told as hard, and only if they are values, because any range
of a telling number is harder than all of it. Half of the error rate goes to single slices and half to pairs,
each by Holm, so that a thousand pairs do not hide a single column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import polars as pl

from mlwright.data import Finding
from mlwright.data.finding import Severity
from mlwright.evaluation import holm
from mlwright.project import Task
from mlwright.training.checks.check import CheckInput
from mlwright.training.checks.promised import Estimate, Measure, Quality, chance_of, measure_of
from mlwright.training.checks.quick_model import sample_rows
from mlwright.training.checks.slice_parts import Parts, cross, cut_column
from mlwright.training.problem import goal_of

ERROR_RATE = 0.02  # one honest table in fifty, as other checks look too
FEWEST_ROWS = 100
LARGEST_SHARE = 0.5
MOST_COLUMNS = 50
MOST_CROSSED = 10
MOST_ROWS = 30_000
MOST_TOLD = 3
LEAST_AUC_GAP = 0.05
LEAST_RATIO = 1.25  # of losses
LEAST_PEER_RATIO = 1.5
METRIC = {"binary": "AUC", "multiclass": "Brier score", "regression": "squared error"}
PROMISED = {
    "binary": "its scores promise {}",
    "multiclass": "its probabilities promise {}",
    "regression": "{} without the shift that they share",
}
WEAK = "look at these rows: wrong labels, too few to learn from, or a column that is missing there"
ELSEWHERE = {
    "binary": "{} elsewhere, as its scores know",
    "multiclass": "{} elsewhere, as its probabilities know",
    "regression": "{} where answers are as high",
}
HARD = "these rows are harder to tell, which need not be a fault; a column that tells more of them would help"


@dataclass(frozen=True)
class WeakSlice:
    """A slice with its quality, the bar it misses, and the chance of such a gap (after Holm).

    The bar is the promise of its own scores or, for a slice that is hard, the quality of its neighbours.
    """

    parts: tuple[str, ...]
    rows: int
    value: float
    bar: float
    chance: float
    is_hard: bool = False

    @property
    def name(self) -> str:
        """Say which rows these are."""
        return " and ".join(self.parts)


def check_slices(given: CheckInput) -> list[Finding]:
    """Name slices that are surely weaker: `slice.weak`."""
    if given.scores is None or len(given.test) < 2 * FEWEST_ROWS:
        return []
    if goal_of(given.task, given.training) == "rank":
        return []  # a score promises an order, not a value
    chosen = sample_rows(len(given.test), given.some(MOST_ROWS), given.seed)
    rows = given.test[chosen]
    frame = given.frame[rows].select(column.name for column in given.inputs)
    measure = measure_of(given.task)(given.target[rows], given.scores[chosen])
    weak = weak_slices(frame, measure, given.task)
    return [_finding(one, given.task) for one in weak[:MOST_TOLD]]


def weak_slices(frame: pl.DataFrame, measure: Measure, task: Task) -> list[WeakSlice]:
    """Give slices that surely fall behind their promise, the surest first, then those that are hard."""
    names = frame.columns[:MOST_COLUMNS]
    singles = [found for name in names if (found := cut_column(frame[name])) is not None]
    crossed = [found for found in singles if found.columns[0] in names[:MOST_CROSSED]]
    pairs = [cross(left, right) for left, right in combinations(crossed, 2)]
    behind: list[WeakSlice] = []
    hard: list[WeakSlice] = []
    for family in (singles, pairs):
        measured = [_measured(parts, measure, frame.height) for parts in family]
        behind += _surely([one for slices in measured for one in _behind(slices, task)])
        kept = zip(family, measured, strict=True)
        fair = [slices for parts, slices in kept if parts.by_value or task == "regression"]
        hard += _surely([one for slices in fair for one in _hard(slices, task)])
    return _apart([*_surest_first(behind), *_surest_first(hard)])


def _finding(one: WeakSlice, task: Task) -> Finding:
    bar = (ELSEWHERE if one.is_hard else PROMISED)[task].format(f"{one.bar:.3g}")
    text = f"{METRIC[task]} is {one.value:.3g} where {one.name} ({one.rows:,} rows), {bar}"
    evidence = {
        "slice": one.name,
        "rows": one.rows,
        "value": one.value,
        "reference": one.bar,
        "p": one.chance,
    }
    severity: Severity = "info" if one.is_hard else "warning"
    return Finding("slice.weak", severity, text, evidence, HARD if one.is_hard else WEAK, one.name)


@dataclass(frozen=True)
class _Measured:
    parts: tuple[str, ...]
    rows: int
    is_small: bool
    quality: Quality


def _measured(parts: Parts, measure: Measure, height: int) -> list[_Measured]:
    names, slices = parts.slices(FEWEST_ROWS)
    return [
        _Measured(name, size, size <= LARGEST_SHARE * height, quality)
        for name, size, quality in zip(names, slices.sizes.tolist(), measure(slices), strict=True)
        if quality is not None
    ]


def _behind(slices: list[_Measured], task: Task) -> Iterator[WeakSlice]:
    """Hold each slice against its promise, before correction."""
    for one in slices:
        if one.is_small:
            found, bar = one.quality.found.value, one.quality.promised
            chance = one.quality.chance if _is_far(found, bar, task, LEAST_RATIO) else 1.0
            yield WeakSlice(one.parts, one.rows, found, bar, chance)


def _hard(slices: list[_Measured], task: Task) -> Iterator[WeakSlice]:
    """Hold each slice against its peers, before correction."""
    for one in slices:
        peers = one.quality.peers or _others(one, slices)
        if one.is_small and peers is not None:
            found = one.quality.found
            is_far = _is_far(found.value, peers.value, task, LEAST_PEER_RATIO)
            chance = chance_of(abs(found.value - peers.value), found.variance + peers.variance)
            yield WeakSlice(
                one.parts, one.rows, found.value, peers.value, chance if is_far else 1.0, is_hard=True
            )


def _others(one: _Measured, slices: list[_Measured]) -> Estimate | None:
    """Give the mean of the other slices of the same columns: between slices a column itself ranks."""
    others = [other for other in slices if other is not one]
    if not others:
        return None
    weights = np.array([other.rows for other in others], dtype=float)
    weights /= weights.sum()
    values = np.array([(other.quality.found.value, other.quality.found.variance) for other in others])
    return Estimate(float(weights @ values[:, 0]), float(weights**2 @ values[:, 1]))


def _is_far(value: float, bar: float, task: Task, ratio: float) -> bool:
    """Tell whether a gap is large enough to matter; `ratio` is that of losses."""
    return value <= bar - LEAST_AUC_GAP if task == "binary" else value >= ratio * bar


def _surely(measured: list[WeakSlice]) -> list[WeakSlice]:
    """Keep what Holm's procedure rejects, at half of the rate of error over the whole family."""
    chances = holm([one.chance for one in measured])
    corrected = [replace(one, chance=chance) for one, chance in zip(measured, chances, strict=True)]
    return [one for one in corrected if one.chance <= ERROR_RATE / 2]


def _surest_first(slices: list[WeakSlice]) -> list[WeakSlice]:
    return sorted(slices, key=lambda one: one.chance)


def _apart(slices: list[WeakSlice]) -> list[WeakSlice]:
    """Leave out what lies within, or around, a slice that is told before."""
    kept: list[WeakSlice] = []
    for one in slices:
        own = set(one.parts)
        if not any(own <= set(other.parts) or own >= set(other.parts) for other in kept):
            kept.append(one)
    return kept
