"""How far a metric could be from what it is: a bootstrap over blocks of rows.

Rows of a block (a day, a customer) stand and fall together; without blocks each row is one. Blocks are the
lists of NDCG. A repetition draws as many blocks as there are, with replacement, which is one integer weight
per block, so that scores are sorted once. The percentile interval is widened by Student's t for few blocks. A
difference of two models is drawn with the same weights for both: what they share cancels.

Reference: Efron and Tibshirani 1993, chapters 8 and 13.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import Floats, is_loss, prepare, within_range
from mlwright.project.config import MetricName

REPETITIONS = 200
MOST_RANKED = 4e7  # scores of all classes in all repetitions
FEWEST_OF_CLASSES = 40  # repetitions
CONFIDENCE = 0.95
FEWEST_REPETITIONS = 0.9  # share of them in which the metric must exist


@dataclass(frozen=True)
class Drawing:
    """How rows are drawn again; `blocks` names those that stand and fall together."""

    blocks: npt.NDArray[np.generic] | None = None
    seed: int = 7
    repetitions: int = REPETITIONS

    @property
    def lists(self) -> npt.NDArray[np.int64] | None:
        """Give the blocks as the lists of NDCG, if they are numbers."""
        is_numbered = self.blocks is not None and np.issubdtype(self.blocks.dtype, np.integer)
        return np.asarray(self.blocks, dtype=np.int64) if is_numbered else None

    def count(self, rows: int) -> int:
        """Count the blocks."""
        return rows if self.blocks is None else len(np.unique(self.blocks))

    def weights(self, rows: int) -> Iterator[npt.NDArray[np.int64]]:
        """Give how often each row is drawn, once per repetition; nothing for fewer than two blocks."""
        generator = np.random.default_rng(self.seed)
        codes = None
        count = rows
        if self.blocks is not None:
            if len(self.blocks) != rows:
                raise ValueError(f"{len(self.blocks)} blocks for {rows} rows")
            named, codes = np.unique(self.blocks, return_inverse=True)
            count = len(named)
        for _ in range(self.repetitions if count > 1 else 0):
            drawn = np.bincount(generator.integers(0, count, count), minlength=count)
            yield drawn if codes is None else drawn[codes]


def bootstrap_interval(  # noqa: PLR0913  # rows by position, how to draw them by keyword
    name: MetricName,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    blocks: npt.NDArray[np.generic] | None = None,
    seed: int = 7,
    repetitions: int = REPETITIONS,
    threshold: float = 0.5,
) -> Interval:
    """Give a metric and its 95 % interval.

    >>> found = bootstrap_interval("accuracy", [0, 1] * 50, [0.2, 0.9] * 45 + [0.9, 0.1] * 5, seed=7)
    >>> found.value, found.low < 0.9 < found.high
    (0.9, True)
    """
    how = Drawing(blocks, seed, repetitions)
    return bootstrap_intervals([name], y, p, how, threshold=threshold)[name]


def bootstrap_intervals(
    names: Sequence[MetricName],
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    drawing: Drawing = Drawing(),
    *,
    threshold: float = 0.5,
) -> dict[MetricName, Interval]:
    """Give several metrics and their 95 % intervals from the same draws."""
    labels, predictions = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    weighted = [prepare(name, labels, predictions, threshold, drawing.lists) for name in names]
    rows = len(labels)
    drawing = replace(drawing, repetitions=repetitions_of(predictions.shape, drawing.repetitions))
    draws = np.asarray([[metric(weights) for metric in weighted] for weights in drawing.weights(rows)])
    whole = np.ones(rows)
    found = {}
    for place, (name, metric) in enumerate(zip(names, weighted, strict=True)):
        one = draws_interval(metric(whole), draws[:, place] if len(draws) else draws, drawing.count(rows))
        found[name] = Interval(one.value, within_range(name, one.low), within_range(name, one.high))
    return found


def repetitions_of(shape: tuple[int, ...], wanted: int) -> int:
    """Give fewer repetitions for many rows of many classes, each of which is ranked anew in each of them.

    >>> repetitions_of((50_000,), 200), repetitions_of((2_000, 3), 200), repetitions_of((20_000, 100), 200)
    (200, 200, 40)
    """
    if len(shape) == 1:
        return wanted
    affordable = int(MOST_RANKED / max(shape[0] * shape[1], 1))
    return min(wanted, max(affordable, FEWEST_OF_CLASSES))


def paired_difference(  # noqa: PLR0913  # rows by position, how to draw them by keyword
    name: MetricName,
    y: npt.ArrayLike,
    p_new: npt.ArrayLike,
    p_old: npt.ArrayLike,
    *,
    blocks: npt.NDArray[np.generic] | None = None,
    seed: int = 7,
    repetitions: int = REPETITIONS,
    thresholds: tuple[float, float] = (0.5, 0.5),
) -> Interval:
    """Give how much better the new predictions are on the same rows; positive is better, also for losses.

    `thresholds` are those of the new and the old model. Equal predictions differ by exactly 0.
    """
    labels = np.asarray(y, dtype=np.float64)
    drawing = Drawing(blocks, seed, repetitions)
    new = prepare(name, labels, np.asarray(p_new, dtype=np.float64), thresholds[0], drawing.lists)
    old = prepare(name, labels, np.asarray(p_old, dtype=np.float64), thresholds[1], drawing.lists)
    sign = -1.0 if is_loss(name) else 1.0
    rows = len(labels)
    draws = np.asarray([sign * (new(weights) - old(weights)) for weights in drawing.weights(rows)])
    whole = np.ones(rows)
    return draws_interval(sign * (new(whole) - old(whole)), draws, drawing.count(rows))


def draws_interval(value: float, draws: Floats, count: int) -> Interval:
    """Give a value the 95 % interval that values of redrawn rows tell; `count` is the number of blocks."""
    known = draws[np.isfinite(draws)]
    if not math.isfinite(value) or len(known) < max(FEWEST_REPETITIONS * len(draws), 2):
        return Interval(value, math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(np.quantile(known, share)) for share in (tail, 1 - tail))
    wide = _few_blocks_factor(count)
    return Interval(value, value - wide * max(value - low, 0.0), value + wide * max(high - value, 0.0))


def _few_blocks_factor(count: int) -> float:
    """Give Student's t over the normal quantile, and the spread that a resample of few blocks lacks."""
    z, free = NormalDist().inv_cdf((1 + CONFIDENCE) / 2), count - 1
    # Cornish–Fisher expansion of t's quantile (Abramowitz and Stegun 26.7.5), exact to 1 % from 4 on.
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t / z * math.sqrt(count / free)
