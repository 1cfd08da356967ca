"""Outputs of moments: parts that come again, and days between two moments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features.document import OutputEntry, TimePart
from mlwright.features.fitted import TrainingRows
from mlwright.features.matrix import to_floats
from mlwright.features.target_statistic import Floats

YEAR_DAYS = 360
MOST_AGES = 10
TELLS_TIME = 0.9  # correlation with the time of a row
DAY = 86_400_000_000  # microseconds


def part_entries(name: str, rows: TrainingRows) -> list[OutputEntry]:
    """Give the parts of a column of moments that come again; never a count of days."""
    return [
        {"name": f"{name}|{part}", "op": "time", "column": name, "part": part}
        for part in _parts(rows.frame[name], rows)
    ]


def age_entries(inputs: Sequence[Column], rows: TrainingRows) -> list[tuple[OutputEntry, list[Column]]]:
    """Give the days between two columns of moments, with those columns.

    What goes along with the time of the row is left out: it would be a count of days.
    """
    moments = [column for column in inputs if column.type == "timestamp"]
    found: list[tuple[OutputEntry, list[Column]]] = []
    for left, right in combinations(moments, 2):
        if len(found) == MOST_AGES:
            break
        if _is_age(left.name, right.name, rows):
            name = f"{left.name}|age|{right.name}"
            found.append(({"name": name, "op": "age", "column": left.name, "by": right.name}, [left, right]))
    return found


def _parts(moments: pl.Series, rows: TrainingRows) -> list[TimePart]:
    """Choose the parts that varied in the rows at hand; the minute, which is often noise, if it tells."""
    known = moments.drop_nulls()
    if not len(known):
        return []
    minutes = moments.dt.minute()
    parts: list[TimePart] = []
    if minutes.n_unique() > 1 and rows.differ(minutes.fill_null(60).cast(pl.Int64).to_numpy()):
        parts.append("minute")
    if known.dt.hour().n_unique() > 1:
        parts.append("hour")
    parts += ["weekday", "day"]
    first, last = known.dt.epoch("s").min(), known.dt.epoch("s").max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    return [*parts, "month", "quarter"] if last - first >= YEAR_DAYS * 86_400 else parts


def _is_age(left: str, right: str, rows: TrainingRows) -> bool:
    days = [_days(rows.frame[name]) for name in (left, right)]
    known = np.isfinite(days[0]) & np.isfinite(days[1])
    age = (days[1] - days[0])[known]
    if len(age) < 2 or not age.std():
        return False
    if rows.time not in (left, right):
        return True
    clock = days[(left, right).index(rows.time)][known]
    return not clock.std() or abs(float(np.corrcoef(age, clock)[0, 1])) < TELLS_TIME


def _days(moments: pl.Series) -> Floats:
    return to_floats(moments.cast(pl.Datetime("us")).to_physical()) / DAY
