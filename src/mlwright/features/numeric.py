"""Outputs of numbers: as they are, scaled, and marks of nulls that tell something."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features.document import OutputEntry, make_document
from mlwright.features.fitted import Output, TrainingRows
from mlwright.features.matrix import apply_transform, to_floats
from mlwright.features.target_statistic import Floats


@dataclass
class NullMarks:
    """Gives marks of nulls where the target differs with them; columns that are null together get one."""

    rows: TrainingRows
    seen: set[bytes] = field(default_factory=set)

    def of(self, column: Column) -> list[Output]:
        """Give a mark of the column's nulls, or nothing."""
        values = self.rows.frame[column.name]
        if not values.null_count():
            return []
        is_null = values.is_null().to_numpy()
        pattern = np.packbits(is_null).tobytes()
        if pattern in self.seen or not self.rows.differ(is_null.astype(np.int64)):
            return []
        self.seen.add(pattern)
        return [Output({"name": f"{column.name}|null", "op": "isnull", "column": column.name})]


def number_output(name: str, rows: TrainingRows) -> Output:
    """Give a number as it is, or shifted where rounding would make it equal to others; null is then below."""
    values = rows.frame[name]
    numbers = to_floats(values)
    shift = rows.find_shift(numbers)
    if shift is None:
        return Output({"name": name, "op": "number", "column": name})
    finite = numbers[np.isfinite(numbers)]
    low, high = float(finite.min()), float(finite.max())
    below = max(low - (high - low), -sys.float_info.max)
    return Output(
        {
            "name": f"{name}|shifted",
            "op": "scale",
            "column": name,
            "fill": below if values.null_count() else shift.middle,
            "mean": shift.middle,
            "scale": shift.scale,
        }
    )


def scaled_number(name: str, values: pl.Series) -> Output:
    """Give a number with mean 0 and spread 1, its median where it is null or not finite."""
    fill, mean, scale = scaling_of(to_floats(values))
    return Output(
        {
            "name": f"{name}|scaled",
            "op": "scale",
            "column": name,
            "fill": fill,
            "mean": mean,
            "scale": scale,
        }
    )


def scaled(entry: OutputEntry, columns: Sequence[Column], frame: pl.DataFrame) -> Output:
    """Scale an output that reads these columns, by what it is for the rows at hand."""
    found = apply_transform(make_document(list(columns), [entry]), frame, list(columns))
    fill, mean, scale = scaling_of(found[:, 0])
    return Output({**entry, "name": f"{entry['name']}|scaled", "fill": fill, "mean": mean, "scale": scale})


def scaling_of(numbers: Floats) -> tuple[float, float, float]:
    """Give the median for nulls, and mean and spread after filling."""
    finite = np.isfinite(numbers)
    if finite.all():
        fill, filled = _median(numbers), numbers
    elif not finite.any():
        return 0.0, 0.0, 1.0
    else:
        fill = _median(numbers[finite])
        filled = np.where(finite, numbers, fill)
    return fill, float(filled.mean()), spread_of(filled)


def spread_of(values: Floats) -> float:
    """Give the standard deviation, 1 where there is none."""
    with np.errstate(over="ignore", invalid="ignore"):  # a square beyond float64 is no spread to divide by
        apart = values - values.mean()
        spread = float(np.sqrt(apart @ apart / max(len(values), 1)))
    return spread if np.isfinite(spread) and spread > 1e-12 * max(1.0, float(np.abs(values).max())) else 1.0


def _median(values: Floats) -> float:
    """Give the median of finite numbers, in a fraction of the time that numpy's takes for a thousand."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    middle = np.partition(values, (half - 1, half))
    return float((middle[half - 1] + middle[half]) / 2)
