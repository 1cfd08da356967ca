"""Whether predictions mean what they say: what happened beside what was predicted, in equal bins of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.bootstrap import Drawing, draws_interval
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import Floats

BINS = 10
DRAWING = Drawing(repetitions=100)


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows with predictions from `lowest` to `highest`, their mean, and the mean of what happened."""

    rows: int
    lowest: float
    highest: float
    predicted: float
    observed: Interval

    def to_json(self) -> dict[str, object]:
        """Give the bin as the report holds it."""
        return {
            "rows": self.rows,
            "lowest": self.lowest,
            "highest": self.highest,
            "predicted": self.predicted,
            "observed": self.observed.to_json(),
        }


def equal_bins(p: Floats, bins: int) -> list[npt.NDArray[np.int64]]:
    """Divide rows into bins of equally many, by their predictions; empty ones are left out."""
    return [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]


def reliability_bins(
    y: Floats, p: Floats, drawing: Drawing = DRAWING, *, bins: int = BINS
) -> list[ReliabilityBin]:
    """Compare means of predictions with means of what happened; `y` is 0/1 or a number.

    Rows of a bin that say all the same have an interval by the rule of three, not one of width zero.

    >>> y, p = np.array([0.0, 0.0, 0.0, 1.0] * 50), np.full(200, 0.25)
    >>> [found] = reliability_bins(y, p, bins=1)
    >>> found.observed.value, found.observed.low < 0.25 < found.observed.high
    (0.25, True)
    """
    parts = equal_bins(p, bins)
    place = np.empty(len(p), dtype=np.int64)
    for number, part in enumerate(parts):
        place[part] = number
    draws = np.asarray([_means(place, y, weights, len(parts)) for weights in drawing.weights(len(y))])
    blocks = drawing.count(len(y))
    is_rate = bool(np.isin(y, (0.0, 1.0)).all())
    found = []
    for number, part in enumerate(parts):
        value = float(y[part].mean())
        interval = draws_interval(value, draws[:, number] if len(draws) else draws, min(blocks, len(part)))
        if is_rate and interval.is_known:
            interval = _within(interval, len(part))
        found.append(
            ReliabilityBin(
                len(part), float(p[part].min()), float(p[part].max()), float(p[part].mean()), interval
            )
        )
    return found


def _within(rate: Interval, rows: int) -> Interval:
    """Keep a rate between 0 and 1."""
    if rate.value in (0.0, 1.0):
        three = min(3.0 / rows, 1.0)
        return Interval(rate.value, rate.value - three * rate.value, rate.value + three * (1 - rate.value))
    return Interval(rate.value, max(rate.low, 0.0), min(rate.high, 1.0))


def _means(place: npt.NDArray[np.int64], y: Floats, weights: npt.NDArray[np.int64], bins: int) -> Floats:
    sizes = np.bincount(place, weights=weights, minlength=bins)
    sums = np.bincount(place, weights=weights * y, minlength=bins)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.where(sizes > 0, sizes, np.nan), dtype=np.float64)
