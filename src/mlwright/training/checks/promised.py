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
from functools import cached_property
from math import erfc, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.project import Task
from mlwright.training.calibration import fit_line
from mlwright.training.checks.check import Floats, Rows

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


@dataclass(frozen=True)
class Slices:
    """Slices of rows without common ones: the places of their rows, and of each the number of its slice."""

    rows: Rows
    numbers: Rows
    count: int

    def sums(self, values: Floats) -> Floats:
        """Give the sum of the values in each slice."""
        return _sums_by(self.numbers, values, self.count)

    def kept(self, is_kept: npt.NDArray[np.bool_]) -> Slices:
        """Give the same slices without some rows."""
        return Slices(self.rows[is_kept], self.numbers[is_kept], self.count)

    @cached_property
    def sizes(self) -> Rows:
        """Give the number of rows of each slice."""
        return np.bincount(self.numbers, minlength=self.count)

    def means(self, values: Floats) -> list[Estimate | None]:
        """Give the mean of the values in each slice; None for less than two."""
        means = self.sums(values) / np.maximum(self.sizes, 1)
        squares = self.sums((values - means[self.numbers]) ** 2)
        variances = squares / np.maximum(self.sizes - 1, 1) / np.maximum(self.sizes, 1)
        found = zip(means.tolist(), variances.tolist(), self.sizes.tolist(), strict=True)
        return [Estimate(mean, variance) if size > 1 else None for mean, variance, size in found]


Measure: TypeAlias = Callable[[Slices], list[Quality | None]]


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
    >>> found = ranking_measure(target, scores)(Slices(np.arange(2000), np.zeros(2000, dtype=np.int64), 1))
    >>> abs(found[0].found.value - found[0].promised) < 0.02
    True
    """
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    margins = np.log(clipped / (1 - clipped))
    if min(target.sum(), len(target) - target.sum()) >= FEWEST_OF_CLASS:
        margins = fit_line(margins, target, np.ones(len(target))).apply(margins)
    ranks = np.unique(scores, return_inverse=True)[1]

    def measure(slices: Slices) -> list[Quality | None]:
        positives = slices.sums(target[slices.rows])
        is_told = np.minimum(positives, slices.sizes - positives) >= FEWEST_OF_CLASS
        ordered = _by_score(slices.kept(is_told[slices.numbers]), ranks)
        labels = target[ordered.rows]
        chances = _levelled(margins[ordered.rows], ordered, positives / np.maximum(slices.sizes, 1))
        pairs = _Pairs(ordered, ranks)
        found, promised = pairs.found(labels), pairs.promised(chances)
        return [
            Quality(one, bar.value, chance_of(bar.value - one.value, bar.variance)) if told else None
            for one, bar, told in zip(found, promised, is_told.tolist(), strict=True)
        ]

    return measure


def class_measure(target: Floats, scores: Floats) -> Measure:
    """Measure by the Brier score of the probabilities of several classes."""
    squares = (scores**2).sum(axis=1)
    losses = 1 - 2 * scores[np.arange(len(target)), target.astype(np.int64)] + squares
    promises = 1 - squares
    ratio = float(losses.mean() / max(promises.mean(), CLIP))
    variances = 4 * ((scores**3).sum(axis=1) - squares**2)

    def measure(slices: Slices) -> list[Quality | None]:
        rows, sizes = slices.rows, np.maximum(slices.sizes, 1)
        promised = ratio * slices.sums(promises[rows]) / sizes
        spread = ratio * slices.sums(variances[rows]) / sizes**2
        return [
            None if one is None else Quality(one, bar, chance_of(one.value - bar, variance))
            for one, bar, variance in zip(
                slices.means(losses[rows]), promised.tolist(), spread.tolist(), strict=True
            )
        ]

    return measure


def number_measure(target: Floats, scores: Floats) -> Measure:
    """Measure by the squared error; None where few other rows have scores as high."""
    errors = target - scores
    losses = errors**2
    most = min(MOST_LEVELS, len(scores) // ROWS_OF_LEVEL)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, most + 1)[1:-1]))
    level, levels = np.searchsorted(edges, scores), len(edges) + 1
    whole = _sums(level, losses, levels)

    def measure(slices: Slices) -> list[Quality | None]:
        cells = slices.numbers * levels + level[slices.rows]
        own = _sums(cells, losses[slices.rows], slices.count * levels)
        rest = _Cells(*(of_all - of.reshape(-1, levels) for of_all, of in zip(whole, own, strict=True)))
        kept = slices.kept(rest.count.ravel()[cells] >= FEWEST_OTHERS)
        found, shifts = kept.means(losses[kept.rows]), kept.means(errors[kept.rows])
        shares = np.bincount(kept.numbers * levels + level[kept.rows], minlength=slices.count * levels)
        peers = rest.as_often(shares.reshape(-1, levels) / np.maximum(kept.sizes, 1)[:, None])
        return [
            _of_numbers(one, shift, alike) if size >= FEWEST_OTHERS and one and shift else None
            for one, shift, alike, size in zip(found, shifts, peers, kept.sizes.tolist(), strict=True)
        ]

    return measure


def chance_of(gap: float, variance: float) -> float:
    """Give the one-sided chance of a gap with this variance, 1 for none.

    >>> round(chance_of(1.96, 1.0), 3)
    0.025
    """
    return 0.5 * erfc(gap / sqrt(2 * variance)) if gap > 0 and variance > 0 else 1.0


def _by_score(slices: Slices, ranks: Rows) -> Slices:
    """Give the same slices in order, the rows of each by score."""
    order = np.argsort(slices.numbers * (int(ranks.max(initial=0)) + 1) + ranks[slices.rows], kind="stable")
    return Slices(slices.rows[order], slices.numbers[order], slices.count)


class _Pairs:
    """The pairs of a positive and a negative in each slice, by how they are ranked; rows are in order.

    Rows of one slice with equal scores are one step, whose pairs count for half.
    """

    def __init__(self, slices: Slices, ranks: Rows) -> None:
        ordered = ranks[slices.rows]
        is_new = (np.diff(ordered, prepend=-1) != 0) | (np.diff(slices.numbers, prepend=-1) != 0)
        self.step = np.cumsum(is_new) - 1  # of each row
        self.slice = slices.numbers[is_new]  # of each step
        self.sizes = np.bincount(self.step).astype(float)
        self.count = slices.count

    def found(self, labels: Floats) -> list[Estimate]:
        """Give the AUC and its variance by DeLong, DeLong and Clarke-Pearson (1988)."""
        hits, misses, below, above, auc = self._ranked(labels)
        of_hits = self._sums(hits * (below - auc[self.slice]) ** 2)
        of_misses = self._sums(misses * (above - auc[self.slice]) ** 2)
        m, n = self._sums(hits), self._sums(misses)
        variances = of_hits / _or_one(m * (m - 1)) + of_misses / _or_one(n * (n - 1))
        return list(map(Estimate, auc.tolist(), variances.tolist()))

    def promised(self, chances: Floats) -> list[Estimate]:
        """Give mean and variance of the AUC of labels drawn with these chances, linear around their mean.

        A label weighs by how many negatives lie below it, less how many positives lie above it.
        """
        hits, misses, below, above, auc = self._ranked(chances)
        m, n = _or_one(self._sums(hits)), _or_one(self._sums(misses))
        means = auc[self.slice]
        weights = (below - means) / m[self.slice] - (above - means) / n[self.slice]
        spread = _sums_by(self.step, chances * (1 - chances), 0)
        return list(map(Estimate, auc.tolist(), self._sums(weights**2 * spread).tolist()))

    def _ranked(self, weights: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Give of each step positives, negatives, shares of negatives below, of positives above; the AUC."""
        hits = _sums_by(self.step, weights, 0)
        misses = self.sizes - hits
        m, n = _or_one(self._sums(hits)), _or_one(self._sums(misses))
        below = self._until(misses) / n[self.slice]
        above = 1 - self._until(hits) / m[self.slice]
        return hits, misses, below, above, self._sums(hits * below) / m

    def _until(self, values: Floats) -> Floats:
        """Give the sum of all steps of the slice before each step, and half of its own."""
        ends = np.cumsum(self._sums(values))
        before = np.r_[0.0, ends[:-1]]
        return np.asarray(np.cumsum(values) - values / 2 - before[self.slice])

    def _sums(self, values: Floats) -> Floats:
        return _sums_by(self.slice, values, self.count)


def _levelled(margins: Floats, slices: Slices, rates: Floats) -> Floats:
    """Give chances whose mean in each slice is a rate, by one shift of its margins, by Newton's method."""
    sizes, shifts = np.maximum(slices.sizes, 1), np.zeros(slices.count)
    chances = _chances(margins)
    for _ in range(STEPS):
        gaps = np.where(slices.sizes > 0, rates - slices.sums(chances) / sizes, 0.0)
        if np.abs(gaps).max(initial=0.0) < CLOSE:
            break
        slopes = slices.sums(chances * (1 - chances)) / sizes
        shifts += np.clip(gaps / np.maximum(slopes, CLIP), -LONGEST, LONGEST)
        chances = _chances(margins + shifts[slices.numbers])
    return chances


def _chances(margins: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(margins, -50, 50))))


def _of_numbers(found: Estimate, shift: Estimate, peers: Estimate) -> Quality:
    chance = 2 * chance_of(abs(shift.value), shift.variance)
    return Quality(found, found.value - shift.value**2, chance, peers)


@dataclass(frozen=True)
class _Cells:
    """Rows, losses and their squares, summed by slice and level of score."""

    count: Floats
    total: Floats
    squares: Floats

    def as_often(self, shares: Floats) -> list[Estimate]:
        """Give the mean loss when each level happens as often as these shares say."""
        count = np.maximum(self.count, 1)
        mean = self.total / count
        spread = np.maximum(self.squares / count - mean**2, 0) / count
        values, variances = (shares * mean).sum(axis=1), (shares**2 * spread).sum(axis=1)
        return list(map(Estimate, values.tolist(), variances.tolist()))


def _sums(cells: Rows, losses: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    count = np.bincount(cells, minlength=size).astype(float)
    return count, _sums_by(cells, losses, size), _sums_by(cells, losses**2, size)


def _sums_by(places: Rows, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(places, weights=values, minlength=size), dtype=np.float64)


def _or_one(counts: Floats) -> Floats:
    """Give counts to divide by: 1 where there is nothing."""
    return np.where(counts > 0, counts, 1.0)
