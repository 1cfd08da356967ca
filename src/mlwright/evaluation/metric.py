"""Metrics of predictions, with weights of rows; sums over rows where a metric is one.

Predictions: binary [n] probability of the positive class, multi-class [n, K], regression [n]. Labels: 0/1,
class index, number. AUC and average precision of several classes are the mean over classes, each against
the rest. Average precision is the step sum that scikit-learn computes, with ties in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.project import MetricName, Task

Floats: TypeAlias = npt.NDArray[np.float64]
Weighted: TypeAlias = Callable[[Floats], float]

LOSSES: frozenset[MetricName] = frozenset({"log_loss", "rmse", "mae"})
METRICS: dict[Task, tuple[MetricName, ...]] = {
    "binary": ("average_precision", "auc", "log_loss", "accuracy"),
    "multiclass": ("accuracy", "log_loss", "auc", "average_precision"),
    "regression": ("rmse", "mae", "r2"),
}
SMALLEST = float(np.finfo(np.float64).eps)


def is_loss(name: MetricName) -> bool:
    """Tell whether less is better.

    >>> is_loss("rmse"), is_loss("auc")
    (True, False)
    """
    return name in LOSSES


def metric_value(
    name: MetricName,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    weights: Floats | None = None,
    threshold: float = 0.5,
) -> float:
    """Compute a metric; NaN when the rows do not determine it, such as the AUC of one class.

    >>> metric_value("auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    prepared = prepare(name, np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64), threshold)
    rows = len(np.asarray(y))
    return prepared(np.ones(rows) if weights is None else np.asarray(weights, dtype=np.float64))


def prepare(name: MetricName, y: Floats, p: Floats, threshold: float = 0.5) -> Weighted:
    """Do what does not depend on weights once, such as sorting; the answer takes weights of rows."""
    if len(y) != len(p):
        raise ValueError(f"{len(y)} labels and {len(p)} predictions")
    if name in {"auc", "average_precision"}:
        rank = _auc if name == "auc" else _average_precision
        if p.ndim == 1:
            return rank(y, p)
        parts = [rank((y == k).astype(np.float64), p[:, k]) for k in range(p.shape[1])]
        return lambda weights: float(np.mean([part(weights) for part in parts]))
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
        case "rmse" | "r2":
            return np.asarray((y - p) ** 2, dtype=np.float64)
        case "auc" | "average_precision":
            raise ValueError(f"{name} is not a mean over rows")


def _of_class(p: Floats, y: Floats) -> Floats:
    return np.asarray(p[np.arange(len(y)), y.astype(np.int64)] / p.sum(axis=1), dtype=np.float64)


def _mean(values: Floats, weights: Floats) -> float:
    total = weights.sum()
    return float(values @ weights / total) if total > 0 else float("nan")


def _r2(squared: Floats, y: Floats, weights: Floats) -> float:
    total = weights.sum()
    if total <= 0:
        return float("nan")
    mean = y @ weights / total
    spread = float(((y - mean) ** 2) @ weights)
    return 1 - float(squared @ weights) / spread if spread > 0 else float("nan")


def _sorted(y: Floats, p: Floats) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64] | None]:
    """Give the order from the highest score down, the labels in it, and where tied scores end (None: none)."""
    order = np.argsort(-p, kind="stable")
    scores = p[order]
    ends = np.flatnonzero(np.r_[scores[1:] != scores[:-1], True])
    return order, y[order], None if len(ends) == len(y) else ends


def _curve(order: npt.NDArray[np.int64], ends: npt.NDArray[np.int64] | None, values: Floats) -> Floats:
    sums = np.cumsum(values)
    return sums if ends is None else sums[ends]


def _auc(y: Floats, p: Floats) -> Weighted:
    order, positive, ends = _sorted(y, p)

    def weighted(weights: Floats) -> float:
        w = weights[order]
        hits = w * positive
        caught = _curve(order, ends, hits)
        wrong = _curve(order, ends, w - hits)
        if not len(caught) or caught[-1] <= 0 or wrong[-1] <= 0:
            return float("nan")
        area = np.trapezoid(np.r_[0.0, caught], np.r_[0.0, wrong])
        return float(area / (caught[-1] * wrong[-1]))

    return weighted


def _average_precision(y: Floats, p: Floats) -> Weighted:
    order, positive, ends = _sorted(y, p)

    def weighted(weights: Floats) -> float:
        w = weights[order]
        caught = _curve(order, ends, w * positive)
        flagged = _curve(order, ends, w)
        if not len(caught) or caught[-1] <= 0:
            return float("nan")
        gains = np.diff(caught, prepend=0.0)
        precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
        return float(gains @ precision / caught[-1])

    return weighted
