"""How ordinary days differ from each other: the yardstick for calling a day broken.

Extremes are taken over ordinary days only, so that a broken day in the rows a contract is made from does not
make the contract blind to its like: a day's value counts up to a fence of four quartile ranges beyond the
quartiles (with some room where all days agree).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.column import ColumnType
from mlwright.data.days import DAY, measure_days, with_day

Floats: TypeAlias = npt.NDArray[np.float64]

FEWEST_ROWS = 30  # days with fewer rows say nothing about shares
FEWEST_DAYS = 8  # with fewer days nothing can be called ordinary
FENCE = 4.0  # quartile ranges
ROOM = 0.1  # share that a day may always differ by
AT_ONCE = 500  # columns measured together


@dataclass(frozen=True)
class DayProfile:
    """The extremes over the ordinary days of a table (or of the whole table, when it has no days)."""

    has_days: bool
    fewest_rows: float
    most_rows: float
    most_duplicates: float
    most_repeats: float
    columns: Mapping[str, Mapping[str, float]]

    def column(self, name: str, what: str) -> float:
        """Give one extreme of a column, 0 when no day was large enough to tell."""
        return self.columns.get(name, {}).get(what, 0.0)


def profile_days(frame: pl.DataFrame, types: Mapping[str, ColumnType], time: str | None) -> DayProfile:
    """Measure the extremes of every column over ordinary days."""
    dated = with_day(frame, time)
    sizes = dated.group_by(DAY).agg(pl.len().alias("rows"))
    large = sizes.filter(pl.col("rows") >= FEWEST_ROWS).select(DAY)
    counted = dated.join(large, on=DAY, how="semi", nulls_equal=True) if len(large) else dated
    inner = sizes.filter(pl.col(DAY).is_between(pl.col(DAY).min(), pl.col(DAY).max(), closed="none"))
    rows = inner["rows"] if len(inner) else sizes["rows"]
    names = list(types)
    return DayProfile(
        has_days=time is not None,
        fewest_rows=max(float(rows.min() or 0), 0.25 * float(rows.quantile(0.25) or 0.0)),  # type: ignore[arg-type]  # numbers, as the column is
        most_rows=highest_ordinary(rows.cast(pl.Float64)),
        most_duplicates=_most_ordinary(duplicate_rates(counted, names)),
        most_repeats=_most_ordinary(repeat_rates(counted, [n for n in names if n != time])),
        columns=_profiles(counted, types, time),
    )


def recurring_levels(dated: pl.DataFrame, name: str) -> pl.Series:
    """Give the levels of a text column that came on more than one day, or all where days are few."""
    seen = dated.select(DAY, name).drop_nulls(name).unique()
    days = seen.group_by(name).agg(pl.len().alias("days"))
    if dated[DAY].n_unique() >= FEWEST_DAYS:
        days = days.filter(pl.col("days") > 1)
    return days[name].sort()


def duplicate_rates(dated: pl.DataFrame, columns: list[str]) -> dict[object, float]:
    """Give per day the share of rows that repeat another row of that day in every column."""
    if not columns:
        return {}
    hashed = dated.select(DAY, dated.select(columns).hash_rows(seed=1).alias("hash"))
    rates = hashed.group_by(DAY).agg((1 - pl.col("hash").n_unique() / pl.len()).alias("rate"))
    return dict(rates.iter_rows())


def repeat_rates(dated: pl.DataFrame, columns: list[str]) -> dict[object, float]:
    """Give per day the share of rows that equal a row of the day before in every column but the time."""
    if not columns:
        return {}
    hashed = dated.select(DAY, dated.select(columns).hash_rows(seed=1).alias("hash")).drop_nulls(DAY)
    before = hashed.select((pl.col(DAY) + pl.duration(days=1)).alias(DAY), "hash").unique()
    found = hashed.join(before.with_columns(pl.lit(1.0).alias("is_old")), on=[DAY, "hash"], how="left")
    rates = found.group_by(DAY).agg(pl.col("is_old").fill_null(0.0).mean().alias("rate"))
    return dict(rates.iter_rows())


def highest_ordinary(values: pl.Series, *, fence: float = FENCE, room: float = 0.0) -> float:
    """Give the largest of daily values, at most the fence above the upper quartile."""
    return _highest(np.asarray(values.drop_nulls().to_numpy(), dtype=np.float64), fence=fence, room=room)


def _highest(given: Floats, *, fence: float = FENCE, room: float = 0.0) -> float:
    if not len(given):
        return 0.0
    highest = float(given.max())
    if len(given) < FEWEST_DAYS:
        return highest
    low, high = np.quantile(given, (0.25, 0.75))
    return min(highest, float(high + fence * (high - low) + room))


def _most_ordinary(rates: Mapping[object, float]) -> float:
    return highest_ordinary(pl.Series(list(rates.values()), dtype=pl.Float64), room=ROOM)


def _profiles(
    dated: pl.DataFrame, types: Mapping[str, ColumnType], time: str | None
) -> dict[str, dict[str, float]]:
    names = list(types)
    found: dict[str, dict[str, float]] = {}
    for at in range(0, len(names), AT_ONCE):
        some = {name: types[name] for name in names[at : at + AT_ONCE]}
        measured = _daily(dated, some)
        for number, (name, kind) in enumerate(some.items()):
            found[name] = _profile({what: days[:, number] for what, days in measured.items()}, kind)
            if kind == "string":
                found[name]["unseen_rate"] = _unseen_rate(dated.select(DAY, name), name, time)
    return found


def _daily(dated: pl.DataFrame, types: Mapping[str, ColumnType]) -> dict[str, Floats]:
    """Measure columns on every day: [days, columns] for each measure."""
    days = measure_days(dated, types)
    given = days.rows[:, None] - days.nulls
    top_share = np.divide(days.top, given, out=np.full_like(days.top, np.nan), where=given > 0)
    return {"null_rate": days.nulls / days.rows[:, None], "top_share": top_share, "median": days.medians}


def _profile(measured: Mapping[str, Floats], kind: ColumnType) -> dict[str, float]:
    found = {what: _highest(_given(measured[what]), room=ROOM) for what in ("null_rate", "top_share")}
    if kind in {"number", "integer"}:
        found["lowest_median"], found["highest_median"] = _ordinary_ends(_given(measured["median"]))
    return found


def _given(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _ordinary_ends(medians: Floats) -> tuple[float, float]:
    """Give the smallest and the largest ordinary median; on a scale of factors where all are positive."""
    low, high = -_highest(-medians), _highest(medians)
    if not len(medians) or medians.min() <= 0:
        return low, high
    return max(low, math.exp(-_highest(-np.log(medians)))), high


def _unseen_rate(dated: pl.DataFrame, name: str, time: str | None) -> float:
    """Give the share of a day, in the later half of the table, whose levels were new then."""
    if time is None:
        return 0.0
    given = dated.filter(pl.col(name).is_not_null())
    first = given.group_by(name).agg(pl.col(DAY).min().alias("first"))
    middle = given[DAY].median()
    later = given.filter(pl.col(DAY) > pl.lit(middle).cast(pl.Date)).join(first, on=name)
    rates = later.group_by(DAY).agg((pl.col("first") == pl.col(DAY)).mean().alias("rate"))
    return highest_ordinary(rates["rate"], room=ROOM / 3)
