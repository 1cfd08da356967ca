"""How good a model is within parts of the held-out rows: the values of its columns with few values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.evaluation.bootstrap import Drawing, bootstrap_intervals
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import Floats, is_loss
from mlwright.evaluation.multiplicity import holm
from mlwright.project.config import MetricName

MOST_LEVELS = 12
MOST_SLICES = 40
FEWEST_ROWS = 200
REPETITIONS = 100
ERROR_RATE = 0.05  # of a whole table of slices
Z = 1.959964


@dataclass(frozen=True)
class Slice:
    """The rows in which a column has one value, and the metric on them."""

    column: str
    value: str
    rows: int
    metric: Interval
    is_weak: bool

    def to_json(self) -> dict[str, object]:
        """Give the slice as the evaluation holds it."""
        metric = self.metric.to_json()
        return {
            "column": self.column,
            "value": self.value,
            "rows": self.rows,
            "is_weak": self.is_weak,
            "metric": metric["value"],
            "low": metric["low"],
            "high": metric["high"],
        }


def evaluate_slices(  # noqa: PLR0913  # rows by position, how to judge them by keyword
    name: MetricName,
    frame: pl.DataFrame,
    y: Floats,
    p: Floats,
    *,
    columns: Sequence[str],
    threshold: float = 0.5,
    seed: int = 7,
) -> list[Slice]:
    """Judge the largest slices, weak ones first.

    A slice is weak when it is surely worse than all rows together: one table in twenty has one by chance. The
    check `slices` looks closer, also at pairs of columns and at ranges of numbers.
    """
    overall = bootstrap_intervals([name], y, p, Drawing(repetitions=0), threshold=threshold)[name].value
    sign = -1.0 if is_loss(name) else 1.0
    found = []
    for column, value, rows in sorted(_slices(frame, columns), key=lambda item: -len(item[2]))[:MOST_SLICES]:
        drawing = Drawing(seed=seed, repetitions=REPETITIONS)
        interval = bootstrap_intervals([name], y[rows], p[rows], drawing, threshold=threshold)[name]
        if not interval.is_known:
            continue
        found.append(Slice(column, value, len(rows), interval, is_weak=False))
    chances = holm([_chance(item.metric, overall, sign) for item in found])
    found = [replace(item, is_weak=chance <= ERROR_RATE) for item, chance in zip(found, chances, strict=True)]
    return sorted(found, key=lambda item: (not item.is_weak, sign * item.metric.value))


def _chance(metric: Interval, overall: float, sign: float) -> float:
    """Give the chance of a slice as good as all rows to look so bad, from its interval."""
    error = abs((metric.high if sign > 0 else metric.low) - metric.value) / Z
    worse = sign * (overall - metric.value)
    return 0.5 * erfc(worse / (error * sqrt(2))) if error > 0 else float(worse <= 0)


def _slices(frame: pl.DataFrame, columns: Sequence[str]) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    for column in columns:
        values = frame[column]
        if values.dtype.is_float() or values.dtype.is_temporal() or values.n_unique() > MOST_LEVELS:
            continue
        texts = values.cast(pl.String).fill_null("null").to_numpy()
        for value in np.unique(texts.astype(str)):
            rows = np.flatnonzero(texts == value)
            if FEWEST_ROWS <= len(rows) < len(texts):
                yield column, str(value), rows
