"""How good scores are, and how much better than others, with standard errors for any metric.

Idea: rows (or their days and groups, which stand and fall together) are put into 20 parts; how much a metric
moves when each part is left out tells its standard error. Reference: Efron and Tibshirani 1993, chapter 11,
the delete-d jackknife.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlwright.evaluation.metric import is_loss, prepare
from mlwright.project import MetricName
from mlwright.training.checks.check import CheckInput, Floats, Rows
from mlwright.training.problem import metrics_of

PARTS = 20
FEWEST_BLOCKS = 8
ALWAYS: dict[str, MetricName] = {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, which is infinite when rows do not tell it."""

    value: float
    error: float

    def is_above(self, bar: float, *, errors: float = 1.0) -> bool:
        """Tell whether it lies above a bar by so many standard errors.

        >>> Estimate(0.3, 0.1).is_above(0.0, errors=2), Estimate(0.3, 0.2).is_above(0.0, errors=2)
        (True, False)
        """
        return bool(np.isfinite(self.error) and self.value > bar + errors * self.error)


def parts_of(count: int, blocks: Rows | None, *, seed: int) -> Rows:
    """Put rows into at most 20 parts; rows of a block into the same, unless there are very few blocks."""
    units = np.arange(count)
    if blocks is not None:
        names, codes = np.unique(blocks, return_inverse=True)
        units = codes if len(names) >= FEWEST_BLOCKS else units
    size = int(units.max(initial=-1)) + 1
    place = np.random.default_rng(seed).permutation(size) % max(min(PARTS, size), 1)
    return np.asarray(place[units], dtype=np.int64)


def jackknife(statistic: Callable[[Floats], float], parts: Rows) -> Estimate:
    """Give a statistic of weighted rows and its standard error.

    >>> values = np.random.default_rng(1).normal(size=1000)
    >>> found = jackknife(lambda weights: float(np.average(values, weights=weights)), np.arange(1000) % 20)
    >>> 0.02 < found.error < 0.05  # 1000 ** -0.5 is 0.032
    True
    """
    count = int(parts.max(initial=-1)) + 1
    whole = statistic(np.ones(len(parts)))
    if count < 2 or not np.isfinite(whole):
        return Estimate(whole, float("inf"))
    without = np.array([statistic((parts != part).astype(float)) for part in range(count)])
    if not np.isfinite(without).all():
        return Estimate(whole, float("inf"))
    spread = float(((without - without.mean()) ** 2).sum()) * (count - 1) / count
    return Estimate(whole, float(np.sqrt(spread)))


def estimate(
    metric: MetricName,
    target: Floats,
    scores: Floats,
    parts: Rows,
    *,
    threshold: float,
    lists: Rows | None = None,
) -> Estimate:
    """Give a metric with its standard error."""
    return jackknife(prepare(metric, target, scores, threshold, lists), parts)


def gain(  # noqa: PLR0913  # rows by position, how to judge them by keyword
    metric: MetricName,
    target: Floats,
    new: Floats,
    old: Floats,
    parts: Rows,
    *,
    threshold: float,
    lists: Rows | None = None,
) -> Estimate:
    """Give how much better new scores are than old ones on the same rows; `threshold` is that of the new."""
    better = prepare(metric, target, new, threshold, lists)
    worse = prepare(metric, target, old, lists=lists)
    sign = -1.0 if is_loss(metric) else 1.0
    return jackknife(lambda weights: sign * (better(weights) - worse(weights)), parts)


def chosen_metric(given: CheckInput) -> MetricName:
    """Give the metric that decides in this project, or the usual one of the task if rows do not tell it."""
    metric = given.training.metric
    return metric if metric in metrics_of(given.task, given.training) else ALWAYS[given.task]
