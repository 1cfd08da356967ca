"""Notice in a table what spoils learning from it whatever the model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import polars as pl

from mlwright.data.column import ColumnType
from mlwright.data.column_type import LEADING_ZERO, LOOKS_LIKE_DATE, convert, convert_columns, mixes_zones
from mlwright.data.finding import Finding
from mlwright.data.number_text import bare_numbers

MOST_WRONG = 0.3  # of the values of a text column that are no numbers, for it to be meant as one
LOOKED_AT = 1_000
OTHER_DATE = (
    r"(?i)^(\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|\d{4}[./]\d{1,2}[./]\d{1,2}"
    r"|\d{1,2}[ -][a-z]{3,9}[ -]\d{2,4}|[a-z]{3,9} \d{1,2},? \d{4})([T ,]+\d{1,2}:\d{2}.*)?$"
)
TOTAL = re.compile(r"(grand |sub ?)?(total|sum|summe|gesamt|totaal|somme)s?:?", re.IGNORECASE)
FEWEST_SUMMED = 5
SUM_ROUNDED = 1e-4
CLOCKS_DIFFER = timedelta(days=1)


def inspect_table(
    frame: pl.DataFrame,
    types: Mapping[str, ColumnType],
    *,
    key: str | None = None,
    now: datetime | None = None,
) -> list[Finding]:
    """Give what is odd in the columns of a table as it was read; `key` is the column that names rows.

    >>> frame = pl.DataFrame({"price": ["1", "2", "3", "4 EUR"]})
    >>> [finding.key for finding in inspect_table(frame, {"price": "string"})]
    ['column.mixed:price']
    """
    latest = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None) + CLOCKS_DIFFER
    found = []
    for name, dtype in frame.schema.items():
        kind = types.get(name)
        if kind == "timestamp":
            found += list(_future(frame[name], latest))
        elif kind == "string" and dtype == pl.String:
            found += list(_mixed(frame[name].drop_nulls()))
    return [*found, *_total(frame, types), *_repeated(frame, key)]


def _future(values: pl.Series, latest: datetime) -> Iterator[Finding]:
    times = convert(values, "timestamp")
    rows = int((times > latest).sum())
    if rows:
        last = times.max()
        yield Finding(
            "time.future",
            "warning",
            f"{values.name!r} lies in the future in {rows} of {len(values)} rows, up to {last!s}",
            {"rows": rows, "latest": str(last)},
            "mend these times; leave plans for the future to the columns that are known when serving",
            values.name,
        )


def _mixed(texts: pl.Series) -> Iterator[Finding]:
    name = texts.name
    if all(LOOKS_LIKE_DATE.fullmatch(text) for text in texts.head(100)) and mixes_zones(texts):
        yield Finding(
            "time.zones",
            "warning",
            f"{name!r} is text, because some of its times name a zone and others do not",
            {"first": texts[0]},
            "write all of its times with a zone, or none of them (then they are UTC)",
            name,
        )
        return
    if not len(texts):
        return
    head = texts.head(LOOKED_AT)
    if head.str.contains(OTHER_DATE).all():
        yield Finding(
            "time.form",
            "warning",
            f"{name!r} is text, because its dates are not written as 2024-01-31: the first is {texts[0]!r}",
            {"first": texts[0]},
            "write dates as 2024-01-31 and times as 2024-01-31T10:00:00, in the data and in requests",
            name,
        )
        return
    some = texts.gather_every(max(len(texts) // LOOKED_AT, 1))
    if bare_numbers(some).null_count() > 0.5 * len(some):
        return
    wrong = texts.filter(bare_numbers(texts).is_null())
    if not len(wrong) and not texts.str.contains(LEADING_ZERO).any():
        yield _number(texts)
    if 0 < len(wrong) <= MOST_WRONG * len(texts):
        yield Finding(
            "column.mixed",
            "warning",
            f"{name!r} is text, because {len(wrong)} of its {len(texts)} values are no numbers,"
            f" for example {wrong[0]!r}",
            {"rows": len(wrong), "example": wrong[0]},
            "mend these values, or leave them empty, if it is meant to be a number",
            name,
        )


def _number(texts: pl.Series) -> Finding:
    """Tell of numbers that are text; with marks they were hardly meant as names or codes."""
    marked = texts.filter(texts.str.strip_chars().cast(pl.Float64, strict=False).is_null())
    name, example = texts.name, marked[0] if len(marked) else texts[0]
    text = f"{name!r} is text, although every value is a number, for example {example!r}"
    if not len(marked):
        advice = "store it as a number, if it is meant to be one and no name or code"
        return Finding("column.number", "info", text, {"example": example}, advice, name)
    advice = "write plain numbers, without currency, percent, unit or commas, in the data and in requests"
    return Finding("column.number", "warning", text, {"example": example}, advice, name)


def _total(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> Iterator[Finding]:
    """Notice a last row that holds the sums of the others."""
    rows = frame.height - 1
    if rows < FEWEST_SUMMED:
        return
    kinds = {"integer", "number"}
    numbers = [name for name in frame.columns if types.get(name) in kinds]
    sums = _sums(frame, numbers)
    last = frame.row(rows)
    is_named = any(isinstance(value, str) and TOTAL.fullmatch(value.strip()) for value in last)
    is_blank = any(
        value is None and frame.to_series(place).null_count() < 0.5 * rows for place, value in enumerate(last)
    )
    if len(sums) > 1 or (sums and (is_named or is_blank)):
        yield Finding(
            "row.total",
            "warning",
            f"the last row holds the sum of the others in {', '.join(map(repr, sums[:3]))}",
            {"columns": sums},
            "delete this row from the source: it is a total, and no observation",
        )


def _sums(frame: pl.DataFrame, names: list[str]) -> list[str]:
    """Name the columns whose last value is the sum of the others, and no mere large value."""
    if not names:
        return []
    numbers = convert_columns(frame.select(names), dict.fromkeys(names, "number"))
    others, last = numbers[:-1], numbers.row(-1)
    totals, peaks, counts = (
        others.select(asked).row(0) for asked in (pl.all().sum(), pl.all().abs().max(), (pl.all() != 0).sum())
    )
    return [
        name
        for name, value, total, peak, count in zip(names, last, totals, peaks, counts, strict=True)
        if value is not None
        and count >= FEWEST_SUMMED
        and math.isfinite(peak)
        and abs(value) > 2 * peak
        and abs(value - total) <= SUM_ROUNDED * abs(total)
    ]


def _repeated(frame: pl.DataFrame, key: str | None) -> Iterator[Finding]:
    if key is None or key not in frame.columns:
        return
    given = frame[key].drop_nulls()
    rows = len(given) - given.n_unique()
    if rows:
        yield Finding(
            "id.repeated",
            "warning",
            f"{rows} of {frame.height} rows have a value of {key!r} that an earlier row has",
            {"rows": rows},
            "drop the copies; if several rows belong to one thing, name the column as `group` in [data]",
            key,
        )
