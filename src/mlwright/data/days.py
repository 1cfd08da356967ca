"""Rows by the UTC day on which they happened, and columns measured on every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.column import ColumnType
from mlwright.data.sorted_numbers import SortedNumbers

Floats = npt.NDArray[np.float64]
DAY = "__day"


@dataclass(frozen=True)
class MeasuredDays:
    """Counts of each day: its rows, and for each column nulls, the commonest value, and the median."""

    days: Sequence[object]
    rows: Floats
    nulls: Floats
    top: Floats
    medians: Floats


def with_day(frame: pl.DataFrame, time: str | None) -> pl.DataFrame:
    """Add the UTC day of each row; one day for everything without a time."""
    day = pl.lit(None, dtype=pl.Date) if time is None else pl.col(time).dt.date()
    return frame.with_columns(day.alias(DAY))


def measure_days(dated: pl.DataFrame, types: Mapping[str, ColumnType]) -> MeasuredDays:
    """Measure columns on every day; medians are NaN for what is no number."""
    if dated.height and dated[DAY].null_count() == dated.height:
        return _measure_one(dated, types)
    names, numbers = list(types), _numbers(types)
    days = (
        dated.select(pl.col([DAY, *names]))
        .group_by(DAY)
        .agg(
            pl.len().alias("rows"),
            pl.col(names).null_count().name.prefix("null."),
            _top_count(names).name.prefix("top."),
            *([_median(numbers).name.prefix("median.")] if numbers else []),
        )
    )
    found = {what: _table(days, what, names) for what in ("null.", "top.")}
    medians = np.full((days.height, len(names)), np.nan)
    if numbers:
        medians[:, np.isin(names, numbers)] = _table(days, "median.", numbers)
    rows = days["rows"].to_numpy().astype(np.float64)
    return MeasuredDays(days[DAY].to_list(), rows, found["null."], found["top."], medians)


def _measure_one(dated: pl.DataFrame, types: Mapping[str, ColumnType]) -> MeasuredDays:
    """Measure a table of one day: numbers by sorting them, which is quicker than grouping."""
    names = list(types)
    is_sorted = np.array([kind == "number" for kind in types.values()])
    nulls = np.array(dated.select(pl.col(names)).null_count().row(0), dtype=np.float64)
    top, medians = np.zeros(len(names)), np.full(len(names), np.nan)
    if is_sorted.any():
        numbers = SortedNumbers.of(dated, [name for name, kind in types.items() if kind == "number"])
        top[is_sorted], medians[is_sorted] = numbers.top_counts(), numbers.medians()
        nulls[is_sorted] = dated.height - numbers.given
    if not is_sorted.all():
        others = [name for name, kind in types.items() if kind != "number"]
        top[~is_sorted] = dated.select(_top_count(others)).row(0)
        integers = [name for name, kind in types.items() if kind == "integer"]
        if integers:
            medians[np.isin(names, integers)] = np.array(dated.select(_median(integers)).row(0), dtype=float)
    return MeasuredDays([None], np.array([float(dated.height)]), nulls[None], top[None], medians[None])


def _numbers(types: Mapping[str, ColumnType]) -> list[str]:
    return [name for name, kind in types.items() if kind in {"number", "integer"}]


def _top_count(names: list[str]) -> pl.Expr:
    """Count the rows with the commonest value among those that have one."""
    return pl.col(names).drop_nulls().unique_counts().max().fill_null(0)


def _median(names: list[str]) -> pl.Expr:
    return pl.col(names).cast(pl.Float64).median()


def _table(days: pl.DataFrame, prefix: str, names: list[str]) -> Floats:
    found = days.select(pl.col([prefix + name for name in names]).cast(pl.Float64).fill_null(float("nan")))
    return np.asarray(found.to_numpy(), dtype=np.float64)
