"""Labels as they were known at a moment, for training without knowledge of the future.

A positive counts from the moment its label arrives. A row whose label has not arrived by then is left out
(`unlabelled = "drop"`) or counts as negative (`"negative"`); such a young negative weighs as much as the
share of positives that have shown themselves at its age.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.roles import require_column
from mlwright.errors import ConfigError
from mlwright.project import DataConfig

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownLabels:
    """Targets and weights of rows; a weight of 0 says that the label is not known."""

    target: Floats
    weight: Floats


LabelsAt: TypeAlias = Callable[[int | None], KnownLabels]
"""Labels as known at a moment in microseconds, None: now."""


def labels_known_at(frame: pl.DataFrame, target: Floats, data: DataConfig, moment: int | None) -> KnownLabels:
    """Give the labels known at `moment` (microseconds; None: all that the table has), with weights.

    Raises `ColumnMissing`, and `ConfigError` for weights that are no weights.

    >>> frame = pl.DataFrame({"t": [0, 0, 9], "told": [5, 50, None]})
    >>> data = DataConfig(time="t", label_time="told", unlabelled="negative")
    >>> labels_known_at(frame, np.array([1.0, 1.0, 0.0]), data, 10).target.tolist()
    [1.0, 0.0, 0.0]
    """
    weight = row_weights(frame, data)
    if moment is None or data.label_time is None or data.time is None:
        return KnownLabels(target, weight)
    born, told = (_micros(frame, name) for name in (data.time, data.label_time))
    is_told = np.isfinite(told) & (told <= moment)
    if data.unlabelled == "drop":
        return KnownLabels(target, np.where(is_told, weight, 0.0))
    is_positive = (target > 0) & is_told
    delays = (told - born)[is_positive]
    age = np.maximum(moment - born, 0.0)
    maturity = np.where(is_told, 1.0, _share_told(delays, age))
    return KnownLabels(np.where(is_positive, target, 0.0), weight * maturity)


def newest_moment(times: pl.Series) -> int | None:
    """Give the newest time in microseconds (a number as it is), None without one."""
    newest = np.nanmax(_micros(times.to_frame(), times.name), initial=-np.inf)
    return int(newest) if np.isfinite(newest) else None


def row_weights(frame: pl.DataFrame, data: DataConfig) -> Floats:
    """Give the rows' own weights, 1 where no column of weights is named."""
    if data.weight is None:
        return np.ones(frame.height)
    require_column(data.weight, frame.columns)
    weights = frame[data.weight].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ConfigError(
            f"the weights in {data.weight!r} must be numbers from 0 up, not all of them 0",
            hint="mend that column, or name another `weight` in [data]",
        )
    return np.asarray(weights, dtype=np.float64)


def _share_told(delays: Floats, age: Floats) -> Floats:
    """Give the share of delays that are shorter than each age; 1 when no delay is known."""
    if not len(delays):
        return np.ones(len(age))
    return np.searchsorted(np.sort(delays), age, side="right") / len(delays)


def _micros(frame: pl.DataFrame, name: str) -> Floats:
    require_column(name, frame.columns)
    values = frame[name]
    if values.dtype.is_temporal():
        values = values.cast(pl.Datetime("us")).to_physical()
    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
