"""Write the contract that a table keeps: wide enough for ordinary days, tight enough for broken ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mlwright.data.column import ColumnType
from mlwright.data.column_type import convert_columns
from mlwright.data.contract import ColumnContract, DataContract, LabelContract
from mlwright.data.day_profile import AT_ONCE, DayProfile, profile_days, recurring_levels
from mlwright.data.days import with_day
from mlwright.data.roles import Roles

MOST_LEVELS = 255
PROBABILITIES = (0.01, 0.25, 0.5, 0.75, 0.99)
TIMES_MORE = 3.0  # a day may have this many times the rows of the largest ordinary day
UNIT_FACTORS = (20.0, 20.0)  # below and above ordinary medians: a slip is mostly 60, 100 or 1000
TIMES_LESS = 5.0  # and this part of the smallest one's


def infer_contract(frame: pl.DataFrame, roles: Roles) -> DataContract:
    """Give the contract that the rows keep; the frame may be as it was read.

    >>> import polars as pl
    >>> from mlwright.data import infer_roles
    >>> frame = pl.DataFrame({"x": [float(i % 7) for i in range(60)], "y": [0, 1] * 30})
    >>> infer_contract(frame, infer_roles(frame, label="y")).column("x").max
    12.0
    """
    names = [name for name in roles.types if name != roles.label and _is_kept(name, roles)]
    typed = convert_columns(frame, {name: roles.types[name] for name in names})
    profile = profile_days(typed, {name: roles.types[name] for name in names}, _day_column(roles))
    dated = with_day(typed, _day_column(roles))
    numbers = _numbers(dated, [name for name in names if roles.types[name] in {"number", "integer"}])
    values = None if roles.task == "regression" else tuple(roles.classes)
    nulls = dict(zip(dated.columns, dated.null_count().row(0), strict=True))
    columns = [
        _column(dated, name, roles.types[name], profile, numbers=numbers.get(name), nulls=nulls[name])
        for name in names
    ]
    unserved, kept = {roles.weight, roles.label_time}, {roles.label, *names}
    return DataContract(
        columns=tuple(
            replace(column, nullable=True, max_null_rate=None) if column.name in unserved else column
            for column in columns
        ),
        label=LabelContract(roles.label, roles.types[roles.label], values),
        time=roles.time,
        ignored=tuple(name for name in frame.columns if name not in kept),
        min_rows_per_day=math.floor(profile.fewest_rows / TIMES_LESS) or None if profile.has_days else None,
        max_rows_per_day=math.ceil(TIMES_MORE * profile.most_rows) if profile.has_days else None,
        max_duplicate_rate=_room(profile.most_duplicates),
        max_repeat_rate=_room(profile.most_repeats) if profile.has_days else None,
    )


def _room(worst: float) -> float | None:
    """Bound a share far above what ordinary days have; None where a bound would say nothing."""
    return None if worst > 0.6 else round(worst + 0.3 * (1 - worst), 4)


def _is_kept(name: str, roles: Roles) -> bool:
    needed = {roles.time, roles.group, roles.weight, roles.label_time, *roles.sensitive}
    return name not in roles.ignored or name in needed


def _day_column(roles: Roles) -> str | None:
    return roles.time if roles.time is not None and roles.types[roles.time] == "timestamp" else None


def _numbers(dated: pl.DataFrame, names: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
    """Give of each column of numbers how many are infinite, and quantiles of the others from end to end."""
    found: dict[str, tuple[float | None, ...]] = {}
    for at in range(0, len(names), AT_ONCE):
        some = names[at : at + AT_ONCE]
        values = dated.select(pl.col(some).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
        for name, column in zip(some, np.ascontiguousarray(values.T), strict=True):
            finite = np.sort(column[np.isfinite(column)])
            places = np.rint(np.array((0.0, 1.0, *PROBABILITIES)) * max(len(finite) - 1, 0)).astype(int)
            ends = finite[places].tolist() if len(finite) else [None] * len(places)
            found[name] = (float(np.isinf(column).sum()), *ends)
    return found


def _column(
    dated: pl.DataFrame,
    name: str,
    kind: ColumnType,
    profile: DayProfile,
    *,
    numbers: tuple[float | None, ...] | None,
    nulls: int,
) -> ColumnContract:
    worst = max(nulls / max(dated.height, 1), profile.column(name, "null_rate"))
    said: Mapping[str, Any] = {}
    if numbers is not None:
        said = _number_limits(name, numbers, profile)
    elif kind == "string":
        said = _text_limits(dated[name], profile, recurring_levels(dated, name))
    return ColumnContract(
        name=name,
        type=kind,
        nullable=nulls > 0,
        max_null_rate=round(min(1.0, 1.2 * worst + 0.02), 4),
        max_top_share=_top_share(profile.column(name, "top_share")) if kind != "timestamp" else None,
        **said,
    )


def _top_share(worst: float) -> float | None:
    """Bound the share of the commonest value of a day; None where days with one value are ordinary."""
    return None if worst > 0.98 else round(worst + 0.5 * (1 - worst), 4)


def _number_limits(name: str, numbers: tuple[float | None, ...], profile: DayProfile) -> dict[str, object]:
    infinite, low, high, *quantiles = numbers
    if low is None or high is None:
        return {"allow_nan": True}
    span = max(high - low, abs(high), 1.0) if high == low else high - low
    ordered = [value or 0.0 for value in quantiles]
    medians = (profile.column(name, "lowest_median"), profile.column(name, "highest_median"))
    return {
        "min": low - span,
        "max": high + span,
        "allow_nan": True if infinite else None,
        "quantiles": tuple(zip(PROBABILITIES, ordered, strict=True)),
        "median_range": _median_range(ordered, medians),
    }


def _median_range(ordered: list[float], medians: tuple[float, float]) -> tuple[float, float]:
    """Bound the median of a day.

    A whole spread beyond the 1 % and 99 % points of all rows is far for a median, also in a new season;
    where all of them are positive a change of units shows earlier, as a factor.
    """
    spread = ordered[4] - ordered[0]
    low, high = min(ordered[0] - spread, medians[0]), max(ordered[4] + spread, medians[1])
    if ordered[0] > 0 and medians[0] > 0:
        low = max(low, min(ordered[1], medians[0]) / UNIT_FACTORS[0])
        high = min(high, max(ordered[3], medians[1]) * UNIT_FACTORS[1])
    return low, high


def _text_limits(values: pl.Series, profile: DayProfile, recurring: pl.Series) -> dict[str, object]:
    texts = values.drop_nulls()
    levels = recurring
    longest = int(texts.str.len_chars().max() or 0)  # type: ignore[arg-type]  # numbers, as the column is
    is_listed = len(levels) <= MOST_LEVELS
    unseen = profile.column(values.name, "unseen_rate")
    return {
        "max_length": max(4 * longest, 64),
        "levels": tuple(levels.to_list()) if is_listed else None,
        "max_unseen_rate": round(min(1.0, 2 * unseen + 0.02), 4) if is_listed else None,
    }
