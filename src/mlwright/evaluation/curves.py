"""Curves to decide by: how much is caught in which share of rows, and what a threshold costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.evaluation.bootstrap import Drawing, draws_interval
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import Floats, Weights

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MOST_THRESHOLDS = 30
RARE = 15  # thresholds among the highest twentieth of scores, where rare positives are
REPETITIONS = 100
DRAWING = Drawing(repetitions=REPETITIONS)


@dataclass(frozen=True)
class LiftPoint:
    """The rows with the highest scores: how many of them are positive, and which part of all positives."""

    share: float
    rows: int
    precision: Interval
    recall: Interval
    lift: Interval

    def to_json(self) -> dict[str, object]:
        """Give the point as the report holds it."""
        parts = {"precision": self.precision, "recall": self.recall, "lift": self.lift}
        return {
            "share": self.share,
            "rows": self.rows,
            **{name: interval.to_json() for name, interval in parts.items()},
        }


@dataclass(frozen=True)
class CostPoint:
    """What mistakes cost per 1,000 rows when scores from `threshold` on count as positive."""

    threshold: float
    positive_share: float
    cost: Interval

    def to_json(self) -> dict[str, object]:
        """Give the point as the report holds it."""
        return {
            "threshold": self.threshold,
            "positive_share": self.positive_share,
            "cost": self.cost.to_json(),
        }


def lift_curve(y: Floats, p: Floats, drawing: Drawing = DRAWING) -> list[LiftPoint]:
    """Give precision, recall and lift of the rows with the highest scores, for growing shares of all rows.

    Lift is the precision over the share of positives among all rows. Empty without a positive row.

    >>> y = np.array([0.0] * 90 + [1.0] * 10)
    >>> point = next(point for point in lift_curve(y, y) if point.share == 0.1)
    >>> point.precision.value, point.recall.value, point.lift.value
    (1.0, 1.0, 10.0)
    """
    if not y.sum():
        return []
    order = np.argsort(-p, kind="stable")
    sizes = sorted({max(round(share * len(y)), 1) for share in SHARES})
    ends = np.array(sizes) - 1
    sorted_y = y[order]
    value = _lift(np.ones(len(y)), sorted_y, ends)
    draws = np.asarray([_lift(weights[order], sorted_y, ends) for weights in drawing.weights(len(y))])
    blocks = drawing.count(len(y))
    return [
        LiftPoint(
            size / len(y),
            size,
            *(
                draws_interval(value[row, at], draws[:, row, at] if len(draws) else draws, blocks)
                for row in range(3)
            ),
        )
        for at, size in enumerate(sizes)
    ]


def cost_curve(
    y: Floats,
    p: Floats,
    *,
    missed: float = 1.0,
    false_alarm: float = 1.0,
    thresholds: tuple[float, ...] = (),
    drawing: Drawing = DRAWING,
) -> list[CostPoint]:
    """Give what mistakes cost per 1,000 rows by threshold: quantiles of scores, and `thresholds`.

    >>> y = np.array([0.0] * 90 + [1.0] * 10)
    >>> [point.cost.value for point in cost_curve(y, y, thresholds=(0.0, 0.5, 2.0), missed=5)]
    [900.0, 0.0, 0.0, 500.0]
    """
    quantiles = np.quantile(
        p, np.r_[np.linspace(0, 0.95, MOST_THRESHOLDS), 1 - np.geomspace(0.05, 1e-4, RARE), 1]
    )
    asked = np.unique(np.r_[quantiles, np.array(thresholds, dtype=np.float64)])
    order = np.argsort(p, kind="stable")
    sorted_y = y[order]
    below = np.searchsorted(p[order], asked, side="left")
    value = _costs(np.ones(len(y)), sorted_y, below, missed, false_alarm)
    draws = np.asarray(
        [_costs(w[order], sorted_y, below, missed, false_alarm) for w in drawing.weights(len(y))]
    )
    blocks = drawing.count(len(y))
    return [
        CostPoint(
            float(threshold),
            1.0 - below[at] / len(y),
            draws_interval(float(value[at]), draws[:, at] if len(draws) else draws, blocks),
        )
        for at, threshold in enumerate(asked)
    ]


def coverage_curve(right: Floats, confidence: Floats, drawing: Drawing = DRAWING) -> list[dict[str, object]]:
    """Give how often the most confident shares of rows are right: what leaving the rest to people gains.

    >>> [point["share"] for point in coverage_curve(np.ones(10), np.arange(10.0))][:2]
    [0.1, 0.2]
    """
    order = np.argsort(-confidence, kind="stable")
    sizes = sorted({max(round(share * len(right)), 1) for share in SHARES if share >= 0.1})
    ends = np.array(sizes) - 1
    value = _running_mean(np.ones(len(right)), right[order], ends)
    draws = np.asarray([_running_mean(w[order], right[order], ends) for w in drawing.weights(len(right))])
    blocks = drawing.count(len(right))
    return [
        {
            "share": size / len(right),
            "rows": size,
            "accuracy": draws_interval(
                float(value[at]), draws[:, at] if len(draws) else draws, blocks
            ).to_json(),
        }
        for at, size in enumerate(sizes)
    ]


def _running_mean(weights: Weights, values: Floats, ends: np.ndarray) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.cumsum(weights * values)[ends] / np.cumsum(weights)[ends], dtype=np.float64)


def _lift(weights: Weights, y: Floats, ends: np.ndarray) -> Floats:
    """Give precision, recall and lift, one row each, of the first rows up to each end."""
    hits, rows = np.cumsum(weights * y), np.cumsum(weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hits[ends] / rows[ends], hits[ends] / hits[-1]
        return np.vstack([precision, recall, precision * rows[-1] / hits[-1]])


def _costs(weights: Weights, y: Floats, below: np.ndarray, missed: float, false_alarm: float) -> Floats:
    positives = np.r_[0.0, np.cumsum(weights * y)]
    negatives = np.r_[0.0, np.cumsum(weights * (1 - y))]
    wrong = missed * positives[below] + false_alarm * (negatives[-1] - negatives[below])
    return np.asarray(1000.0 * wrong / (positives[-1] + negatives[-1]), dtype=np.float64)
