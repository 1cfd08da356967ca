"""How good the scores of some rows are, and how good these scores themselves say that they are.

Idea: among rows near a border of classes nobody ranks well, and honest scores know it: labels drawn from
them would be ranked no better. What a model promises of a part of the rows is therefore the mean of the
metric over labels drawn from its scores, once these are in line with all rows (Platt's line, and the rate of
the part). Numbers promise to be right on average: what a shared shift adds to the squared error breaks it.
How hard they are is told by other rows with scores as high, so that what grows with the level, as with counts
and prices, is not called hard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.project import Task
from mlwright.training.calibration import fit_line
from mlwright.training.checks.check import Floats, Rows
from mlwright.training.checks.column_power import average_ranks

FEWEST_OF_CLASS = 15
CLIP = 1e-6
MOST_LEVELS = 100
ROWS_OF_LEVEL = 50
FEWEST_OTHERS = 20
STEPS = 30
LONGEST = 1.0  # step of a shift of log-odds
CLOSE = 1e-9  # of a rate


@dataclass(frozen=True)
class Estimate:
    """A number and its variance."""

    value: float
    variance: float


@dataclass(frozen=True)
class Quality:
    """A metric on some rows, what their scores promise, and the chance that they fall so far behind it.

    `peers` is the metric on comparable rows; None if any other rows are comparable.
    """

    found: Estimate
    promised: float
    chance: float
    peers: Estimate | None = None


Measure: TypeAlias = Callable[[Rows], Quality | None]


def measure_of(task: Task) -> Callable[[Floats, Floats], Measure]:
    """Give what makes the measure of a task from labels and scores."""
    match task:
        case "binary":
            return ranking_measure
        case "multiclass":
            return class_measure
        case "regression":
            return number_measure


def ranking_measure(target: Floats, scores: Floats) -> Measure:
    """Measure by AUC; None where a class has too few rows.

    >>> random = np.random.default_rng(1)
    >>> scores = random.random(4000)
    >>> target = (random.random(4000) < scores).astype(float)
    >>> found = ranking_measure(target, scores)(np.arange(2000))
    >>> abs(found.found.value - found.promised) < 0.02
    True
    """
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    margins = np.log(clipped / (1 - clipped))
    if min(target.sum(), len(target) - target.sum()) >= FEWEST_OF_CLASS:
        margins = fit_line(margins, target, np.ones(len(target))).apply(margins)

    def measure(rows: Rows) -> Quality | None:
        is_positive = target[rows] > 0
        if min(is_positive.sum(), (~is_positive).sum()) < FEWEST_OF_CLASS:
            return None
        chances = _levelled(margins[rows], float(is_positive.mean()))
        found, promised = _auc(is_positive, scores[rows]), _promised_auc(chances, scores[rows])
        return Quality(found, promised.value, chance_of(promised.value - found.value, promised.variance))

    return measure


def class_measure(target: Floats, scores: Floats) -> Measure:
    """Measure by the Brier score of the probabilities of several classes."""
    squares = (scores**2).sum(axis=1)
    losses = 1 - 2 * scores[np.arange(len(target)), target.astype(np.int64)] + squares
    promises = 1 - squares
    ratio = float(losses.mean() / max(promises.mean(), CLIP))
    variances = 4 * ((scores**3).sum(axis=1) - squares**2)

    def measure(rows: Rows) -> Quality:
        found, promised = _mean(losses[rows]), ratio * float(promises[rows].mean())
        variance = ratio * float(variances[rows].mean()) / len(rows)
        return Quality(found, promised, chance_of(found.value - promised, variance))

    return measure


def number_measure(target: Floats, scores: Floats) -> Measure:
    """Measure by the squared error; None where few other rows have scores as high."""
    errors = target - scores
    losses = errors**2
    levels = min(MOST_LEVELS, len(scores) // ROWS_OF_LEVEL)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, levels + 1)[1:-1]))
    level = np.searchsorted(edges, scores)
    whole = _sums(level, losses, len(edges) + 1)

    def measure(rows: Rows) -> Quality | None:
        own = _sums(level[rows], losses[rows], len(edges) + 1)
        rest = [of_all - of_rows for of_all, of_rows in zip(whole, own, strict=True)]
        kept = rows[rest[0][level[rows]] >= FEWEST_OTHERS]
        if len(kept) < FEWEST_OTHERS:
            return None
        shift = _mean(errors[kept])
        chance = 2 * chance_of(abs(shift.value), shift.variance)
        found = _mean(losses[kept])
        return Quality(found, found.value - shift.value**2, chance, _peers(level[kept], *rest))

    return measure


def chance_of(gap: float, variance: float) -> float:
    """Give the one-sided chance of a gap with this variance, 1 for none.

    >>> round(chance_of(1.96, 1.0), 3)
    0.025
    """
    return 0.5 * erfc(gap / sqrt(2 * variance)) if gap > 0 and variance > 0 else 1.0


def _auc(is_positive: npt.NDArray[np.bool_], scores: Floats) -> Estimate:
    """Give the AUC and its variance by DeLong, DeLong and Clarke-Pearson (1988)."""
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    ranks = average_ranks(scores)
    own = np.empty(len(scores))
    own[is_positive] = average_ranks(scores[is_positive])
    own[~is_positive] = average_ranks(scores[~is_positive])
    above = (ranks - own)[is_positive] / n
    below = 1 - (ranks - own)[~is_positive] / m
    return Estimate(float(above.mean()), float(above.var(ddof=1) / m + below.var(ddof=1) / n))


def _promised_auc(chances: Floats, scores: Floats) -> Estimate:
    """Give mean and variance of the AUC of labels drawn with these chances, linear around their mean.

    A label weighs by how many negatives lie below it, less how many positives lie above it.
    """
    _, place = np.unique(scores, return_inverse=True)
    hits, misses = np.bincount(place, weights=chances), np.bincount(place, weights=1 - chances)
    positives, negatives = float(hits.sum()), float(misses.sum())
    below = (np.cumsum(misses) - misses / 2) / negatives
    above = 1 - (np.cumsum(hits) - hits / 2) / positives
    auc = float(hits @ below) / positives
    weight = (below - auc) / positives - (above - auc) / negatives
    return Estimate(auc, float((weight[place] ** 2 * chances * (1 - chances)).sum()))


def _levelled(margins: Floats, rate: float) -> Floats:
    """Give chances whose mean is a rate, by one shift of all margins, found by Newton's method."""
    shift, chances = 0.0, 1 / (1 + np.exp(-np.clip(margins, -50, 50)))
    for _ in range(STEPS):
        gap, slope = rate - float(chances.mean()), float((chances * (1 - chances)).mean())
        if abs(gap) < CLOSE:
            break
        shift += float(np.clip(gap / max(slope, CLIP), -LONGEST, LONGEST))
        chances = 1 / (1 + np.exp(-np.clip(margins + shift, -50, 50)))
    return np.asarray(chances)


def _sums(level: Rows, losses: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    count = np.bincount(level, minlength=size).astype(float)
    total = np.bincount(level, weights=losses, minlength=size)
    squares = np.bincount(level, weights=losses**2, minlength=size)
    return count, total.astype(float), squares.astype(float)


def _peers(level: Rows, count: Floats, total: Floats, squares: Floats) -> Estimate:
    """Give the mean loss of other rows, as often from each level as these rows are; from sums by level."""
    share = np.bincount(level, minlength=len(count)) / len(level)
    count = np.maximum(count, 1)
    mean = total / count
    spread = np.maximum(squares / count - mean**2, 0) / count
    return Estimate(float(share @ mean), float(share**2 @ spread))


def _mean(values: Floats) -> Estimate:
    return Estimate(float(values.mean()), float(values.var(ddof=1) / len(values)))
