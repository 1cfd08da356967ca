"""How good the answers were, against the truth that nobody knew at the time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FEWEST_FRAUDS = 5


@dataclass(frozen=True)
class Period:
    """Average precision and recall at the alert threshold over [begin, end) days."""

    begin: float
    end: float
    frauds: int
    average_precision: float
    recall: float


def average_precision(is_fraud: Bools, score: Floats) -> float:
    """Give the area under the precision-recall curve, ties counted as one step; NaN without frauds."""
    if not is_fraud.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, ranked = np.cumsum(is_fraud[order]), score[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    found, seen = hits[last_of_tie], np.flatnonzero(last_of_tie) + 1
    gained = np.diff(found, prepend=0)
    return float((gained * found / seen).sum() / hits[-1])


class Scorer:
    """Measures periods of a replay."""

    def __init__(self, day: Floats, is_fraud: Bools) -> None:
        self._day = day
        self._is_fraud = is_fraud

    def measure(self, begin: float, end: float, score: Floats, alert: Bools) -> Period:
        """Measure the answered purchases of a period."""
        first, last = np.searchsorted(self._day, (begin, end))
        answered = np.isfinite(score[first:last])
        fraud = self._is_fraud[first:last][answered]
        count = int(fraud.sum())
        if count < FEWEST_FRAUDS:
            return Period(begin, end, count, float("nan"), float("nan"))
        precision = average_precision(fraud, score[first:last][answered])
        recall = float(alert[first:last][answered][fraud].mean())
        return Period(begin, end, count, precision, recall)

    def rolling(self, begin: int, end: int, score: Floats, alert: Bools, *, width: int = 3) -> list[Period]:
        """Measure windows of some days, one ending with each day."""
        return [self.measure(max(day + 1 - width, begin), day + 1, score, alert) for day in range(begin, end)]
