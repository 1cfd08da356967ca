"""Metrics of predictions, with weights of rows; sums over rows where a metric is one.

Predictions: binary [n] probability of the positive class, multi-class [n, K], regression [n]. Labels: 0/1,
class index, number. NDCG is the mean over lists, which weigh what their rows weigh on average. AUC and
average precision of several classes are the mean over classes, each against the rest. Average precision is
the step sum that scikit-learn computes, with ties in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.ranking import Codes, judged_lists
from mlwright.project import Task
from mlwright.project.config import SUITABLE, MetricName

Floats: TypeAlias = npt.NDArray[np.float64]
Weights: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Weighted: TypeAlias = Callable[[Weights], float]

LOSSES: frozenset[MetricName] = frozenset({"log_loss", "rmse", "mae", "poisson_deviance"})
WHERE_ASKED: frozenset[MetricName] = frozenset({"poisson_deviance", "ndcg"})  # what not every problem has
SMALLEST = float(np.finfo(np.float64).eps)


def is_loss(name: MetricName) -> bool:
    """Tell whether less is better.

    >>> is_loss("rmse"), is_loss("auc")
    (True, False)
    """
    return name in LOSSES


def within_range(name: MetricName, value: float) -> float:
    """Move the bound of an interval to where a metric can be.

    >>> within_range("r2", 1.1), within_range("rmse", -0.2), within_range("r2", -3.0)
    (1.0, 0.0, -3.0)
    """
    if is_loss(name):
        return max(value, 0.0)
    return min(value, 1.0) if name == "r2" else min(max(value, 0.0), 1.0)


def told_metrics(task: Task, asked: Collection[MetricName] = ()) -> tuple[MetricName, ...]:
    """Name the metrics of a task; that of counts and that of lists only where they are asked for.

    >>> told_metrics("regression", ["ndcg"])
    ('ndcg', 'rmse', 'mae', 'r2')
    """
    return tuple(name for name in SUITABLE[task] if name not in WHERE_ASKED or name in asked)


def metric_value(
    name: MetricName,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    weights: Floats | None = None,
    threshold: float = 0.5,
    lists: Codes | None = None,
) -> float:
    """Compute a metric; NaN when the rows do not determine it, such as the AUC of one class.

    `lists` numbers the list of each row, which only NDCG asks for.

    >>> metric_value("auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    labels, predictions = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    prepared = prepare(name, labels, predictions, threshold, lists)
    return prepared(np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64))


def prepare(
    name: MetricName, y: Floats, p: Floats, threshold: float = 0.5, lists: Codes | None = None
) -> Weighted:
    """Do what does not depend on weights once, such as sorting; the answer takes weights of rows."""
    if len(y) != len(p):
        raise ValueError(f"{len(y)} labels and {len(p)} predictions")
    if name in {"auc", "average_precision"}:
        rank = _auc if name == "auc" else _average_precision
        if p.ndim == 1:
            return rank(y, p)
        parts = [rank((y == k).astype(np.float64), p[:, k]) for k in range(p.shape[1])]
        return lambda weights: float(np.mean([part(weights) for part in parts]))
    if name == "ndcg":
        return _ndcg(y, p, lists)
    losses = row_values(name, y, p, threshold)
    if name == "rmse":
        return lambda weights: float(np.sqrt(_mean(losses, weights)))
    if name == "r2":
        return lambda weights: _r2(losses, y, weights)
    return lambda weights: _mean(losses, weights)


def row_values(name: MetricName, y: Floats, p: Floats, threshold: float = 0.5) -> Floats:
    """Give the part of each row in a metric that is a mean (for rmse and r2: the squared error)."""
    match name:
        case "log_loss":
            chosen = np.where(y == 1, p, 1 - p) if p.ndim == 1 else _of_class(p, y)
            return np.asarray(-np.log(np.clip(chosen, SMALLEST, 1.0)), dtype=np.float64)
        case "accuracy":
            found = p >= threshold if p.ndim == 1 else p.argmax(axis=1)
            return np.asarray(found == y, dtype=np.float64)
        case "mae":
            return np.abs(y - p)
        case "poisson_deviance":
            return _deviance(y, p)
        case "rmse" | "r2":
            return np.asarray((y - p) ** 2, dtype=np.float64)
        case "auc" | "average_precision" | "ndcg":
            raise ValueError(f"{name} is not a mean over rows")
        case _:
            assert_never(name)


def _deviance(y: Floats, p: Floats) -> Floats:
    """Give twice the log-likelihood that a rate of `p` loses against one of `y` (McCullagh, Nelder 1989)."""
    rate = np.maximum(p, SMALLEST)
    logs = np.log(np.where(y > 0, y, 1.0)) - np.log(rate)
    return np.asarray(2 * (np.where(y > 0, y * logs, 0.0) - (y - rate)), dtype=np.float64)


def _of_class(p: Floats, y: Floats) -> Floats:
    return np.asarray(p[np.arange(len(y)), y.astype(np.int64)] / p.sum(axis=1), dtype=np.float64)


def _mean(values: Floats, weights: Weights) -> float:
    total = weights.sum()
    return _dot(values, weights) / float(total) if total > 0 else float("nan")


def _ndcg(y: Floats, p: Floats, lists: Codes | None) -> Weighted:
    if lists is None:
        raise ValueError("NDCG needs the list of each row")
    codes, each = judged_lists(y, p, lists)
    known, sizes = np.isfinite(each), np.bincount(codes[codes >= 0], minlength=len(each))
    values = np.where(known, each, 0.0)

    def weighted(weights: Weights) -> float:
        mean = np.bincount(codes[codes >= 0], weights=weights[codes >= 0], minlength=len(each))
        return _mean(values, np.where(known, mean / np.maximum(sizes, 1), 0.0))

    return weighted


def _r2(squared: Floats, y: Floats, weights: Weights) -> float:
    total = float(weights.sum())
    if total <= 0:
        return float("nan")
    mean = _dot(y, weights) / total
    spread = _dot((y - mean) ** 2, weights)
    return 1 - _dot(squared, weights) / spread if spread > 0 else float("nan")


def _dot(values: Floats, weights: Weights) -> float:
    """Sum products without BLAS, whose threads cost more than they give here and reorder the sum."""
    return float((values * weights).sum())


@dataclass(frozen=True)
class _Ranking:
    """Rows from the highest score down, and for each positive row where its group of tied scores lies."""

    order: npt.NDArray[np.int64]
    positive: npt.NDArray[np.int64]  # places of the positive rows in that order
    first: npt.NDArray[np.int64]  # place of the first row of the group of each of them
    last: npt.NDArray[np.int64]  # and of the last
    first_positive: npt.NDArray[np.int64]  # first positive row of the group, counted among positive rows
    last_positive: npt.NDArray[np.int64]  # and the last


def _rank(y: Floats, p: Floats) -> _Ranking:
    order = np.argsort(-p, kind="stable")
    scores = p[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]]) if len(scores) else np.zeros(0, np.int64)
    ends = np.r_[starts[1:], len(scores)] - 1
    positive = np.flatnonzero(y[order] == 1)
    group = np.searchsorted(starts, positive, side="right") - 1
    first, last = starts[group], ends[group]
    return _Ranking(
        order=order,
        positive=positive,
        first=first,
        last=last,
        first_positive=np.searchsorted(positive, first, side="left"),
        last_positive=np.searchsorted(positive, last, side="right") - 1,
    )


def _auc(y: Floats, p: Floats) -> Weighted:
    """Count for each positive row the negative rows below it, tied ones half."""
    rank = _rank(y, p)

    def weighted(weights: Weights) -> float:
        w = weights[rank.order]
        hits = w[rank.positive]
        above, caught = np.cumsum(w), np.cumsum(hits)
        if not len(caught) or caught[-1] <= 0 or above[-1] <= caught[-1]:
            return float("nan")
        wrong = above[-1] - caught[-1]
        until = above[rank.last] - caught[rank.last_positive]
        tied = until - np.where(rank.first > 0, above[rank.first - 1], 0)
        tied = tied + caught[rank.first_positive] - hits[rank.first_positive]
        return _dot(wrong - until + tied / 2, hits) / (float(caught[-1]) * float(wrong))

    return weighted


def _average_precision(y: Floats, p: Floats) -> Weighted:
    """Average over positive rows the precision at the end of their group."""
    rank = _rank(y, p)

    def weighted(weights: Weights) -> float:
        w = weights[rank.order]
        hits = w[rank.positive]
        above, caught = np.cumsum(w), np.cumsum(hits)
        if not len(caught) or caught[-1] <= 0:
            return float("nan")
        flagged = above[rank.last]
        precision: Floats = np.divide(
            caught[rank.last_positive], np.where(flagged > 0, flagged, 1), dtype=np.float64
        )
        return _dot(precision, hits) / float(caught[-1])

    return weighted
