"""Hold rows and days to the contract."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.conformity import TYPE_ERRORS, conform_leniently
from mlwright.data.contract import ColumnContract, DataContract
from mlwright.data.day_profile import FEWEST_ROWS, duplicate_rates, repeat_rates
from mlwright.data.days import DAY, measure_days, with_day
from mlwright.data.finding import Finding
from mlwright.errors import ContractBroken

MOST_BAD_DAYS = 0.5  # of all days; beyond it the contract is wrong, or all of the data
MOST_MISSING_DAYS = 0.1  # of a span; beyond it days without rows are ordinary
MOST_BEYOND = 0.5  # of a day far outside all earlier rows; a new season may bring a third
MOST_BROKEN_ROWS = 0.05  # of a day; beyond it the day is broken, below it the rows are left out
AT_ONCE = 500  # columns measured together
SURPRISE = 4.0  # standard deviations that a rate may lie above its limit by chance


def check_days(
    frame: pl.DataFrame, contract: DataContract, *, on_bad_day: Literal["quarantine", "fail"] = "quarantine"
) -> tuple[pl.DataFrame, list[Finding]]:
    """Give the rows that keep the contract, and what was found in the others.

    The frame may be as it was read: it is conformed first. Rows of a day that breaks the contract are kept
    out ("contract.day"), and so are single broken rows ("contract.rows") and rows without a label
    ("label.missing"). Without a time column all rows are one day. Raises `ColumnMissing`; `ContractBroken`
    when a day is broken and `on_bad_day` is "fail", or when more than half of the days are.
    """
    kinds = contract.types
    time = contract.time if contract.time is not None and kinds.get(contract.time) == "timestamp" else None
    typed, unlabelled = _labelled(conform_leniently(frame, contract), contract)
    dated = with_day(typed, time).with_row_index("__row")
    broken = _broken_rows(dated, contract)
    sizes = dict(dated.group_by(DAY).len().iter_rows())
    problems: dict[object, list[str]] = {}
    for day, text in (*_crowded(broken, sizes), *_bad_days(dated, contract, sizes)):
        problems.setdefault(day, []).append(text)
    findings = [_day_finding(day, texts, sizes[day]) for day, texts in sorted(problems.items(), key=_by_day)]
    if findings and (on_bad_day == "fail" or len(findings) > MOST_BAD_DAYS * len(sizes)):
        raise _refusal(findings, len(sizes))
    bad = pl.Series(DAY, list(problems), dtype=pl.Date)
    left = dated.join(bad.to_frame(), on=DAY, how="anti", nulls_equal=True) if len(bad) else dated
    dropped = broken.join(left.select("__row"), on="__row", how="semi")
    if len(dropped):
        findings.append(_row_finding(dropped))
        left = left.join(dropped, on="__row", how="anti")
    extra = [name for name in ("__row", DAY, TYPE_ERRORS) if name in left.columns]
    return left.drop(extra), findings + unlabelled + _gaps(sizes)


def _labelled(frame: pl.DataFrame, contract: DataContract) -> tuple[pl.DataFrame, list[Finding]]:
    label = contract.label
    if label is None or label.nullable or label.name not in frame.columns:
        return frame, []
    is_known = pl.col(label.name).is_not_null()
    if frame.schema[label.name].is_float():
        is_known &= pl.col(label.name).is_finite()
    known = frame.filter(is_known)
    rows = frame.height - known.height
    if not rows:
        return frame, []
    text = f"{rows} of {frame.height} rows have no value of the label {label.name!r} and are left out"
    return known, [Finding("label.missing", "info", text, {"rows": rows})]


def _gaps(sizes: dict[object, int]) -> list[Finding]:
    """Name the days without rows between others; where they are many, such as weekends, they are ordinary."""
    days = {day for day in sizes if isinstance(day, date)}
    if not days:
        return []
    span = (max(days) - min(days)).days + 1
    missing = [day for day in (min(days) + timedelta(days=n) for n in range(span)) if day not in days]
    if not missing or len(missing) > MOST_MISSING_DAYS * span:
        return []
    text = f"no rows on {len(missing)} days between others, first {missing[0]}"
    return [Finding("contract.gap", "warning", text, {"days": [str(day) for day in missing]})]


def _refusal(findings: list[Finding], days: int) -> ContractBroken:
    return ContractBroken(
        f"{len(findings)} of {days} days break the data contract: {findings[0].text}"
        if days > 1
        else f"the rows break the data contract: {findings[0].text}",
        hint="mend the data; or change contract.json if this is how the data is now",
        days=[finding.evidence for finding in findings],
    )


def _broken_rows(dated: pl.DataFrame, contract: DataContract) -> pl.DataFrame:
    """List (row, day, column, kind) of every value that breaks a row rule."""
    rules = [
        (column.name, kind, rule)
        for column in _maybe_broken(dated, contract.columns)
        for kind, rule in _row_rules(column)
    ]
    counts = dated.select(rule.any().alias(str(at)) for at, (_, _, rule) in enumerate(rules))
    found = []
    for (name, kind, rule), is_broken in zip(rules, counts.row(0) if rules else (), strict=True):
        if is_broken:
            rows = dated.select("__row", DAY, name).filter(rule).select("__row", DAY)
            found.append(rows.with_columns(pl.lit(name).alias("column"), pl.lit(kind).alias("kind")))
    if TYPE_ERRORS in dated.columns:
        rows = dated.filter(pl.col(TYPE_ERRORS) != "").select(
            "__row", DAY, pl.col(TYPE_ERRORS).alias("column")
        )
        found.append(rows.with_columns(pl.lit("type").alias("kind")))
    empty = (
        dated.clear().select("__row", DAY).with_columns(pl.lit("").alias("column"), pl.lit("").alias("kind"))
    )
    return pl.concat([empty, *found])


def _maybe_broken(dated: pl.DataFrame, columns: Sequence[ColumnContract]) -> Iterator[ColumnContract]:
    """Give the columns of which a rule may be broken: most numbers show by their ends that none is."""
    nulls = dict(zip(dated.columns, dated.null_count().row(0), strict=True))
    ends = _ends(dated, [column.name for column in columns if column.type in {"number", "integer"}])
    for column in columns:
        span = ends.get(column.name)
        is_tame = span is not None and not any(end is not None and math.isinf(end) for end in span)
        is_full = column.nullable or not nulls[column.name]
        if not (is_tame and is_full and _is_within(span, column.min, column.max)):
            yield column


def _row_rules(column: ColumnContract) -> Iterator[tuple[str, pl.Expr]]:
    value = pl.col(column.name)
    if not column.nullable:
        yield "null", value.is_null()
    if column.type in {"number", "integer"}:
        if column.type == "number" and not column.allow_nan:
            yield "nan", value.is_infinite()
        if column.min is not None:
            yield "range", value.is_finite() & (value < column.min)
        if column.max is not None:
            yield "range", value.is_finite() & (value > column.max)
    if column.type == "string":
        if column.closed and column.levels is not None:
            yield "level", value.is_not_null() & ~value.is_in(list(column.levels))
        if column.max_length is not None:
            yield "length", value.str.len_chars() > column.max_length


def _crowded(broken: pl.DataFrame, sizes: dict[object, int]) -> Iterator[tuple[object, str]]:
    """Name the days with too many broken rows."""
    counts = broken.group_by(DAY, "column", "kind").agg(pl.col("__row").n_unique().alias("rows"))
    for day, column, kind, rows in counts.sort("column", "kind").iter_rows():
        if rows > max(3, MOST_BROKEN_ROWS * sizes[day]):
            yield day, f"{column!r} breaks its {kind} rule in {rows} of {sizes[day]} rows"


def _bad_days(
    dated: pl.DataFrame, contract: DataContract, sizes: dict[object, int]
) -> Iterator[tuple[object, str]]:
    yield from _bad_counts(contract, sizes)
    names = [column.name for column in contract.columns]
    if (limit := contract.max_duplicate_rate) is not None:
        for day, rate in duplicate_rates(dated, names).items():
            if sizes[day] >= FEWEST_ROWS and rate > limit:
                yield day, f"{rate:.0%} of the rows repeat other rows of the day"
    if (limit := contract.max_repeat_rate) is not None:
        for day, rate in repeat_rates(dated, [name for name in names if name != contract.time]).items():
            if sizes[day] >= FEWEST_ROWS and rate > limit:
                yield day, f"{rate:.0%} of the rows repeat rows of the day before"
    for at in range(0, len(contract.columns), AT_ONCE):
        columns = contract.columns[at : at + AT_ONCE]
        measured = _measure(dated, columns)
        for number, column in enumerate(columns):
            yield from _bad_days_of([day.of(number) for day in measured], column)


def _bad_counts(contract: DataContract, sizes: dict[object, int]) -> Iterator[tuple[object, str]]:
    """Name days with too many or too few rows; the first and the last day may be incomplete."""
    days = sorted(day for day in sizes if isinstance(day, date))
    for day, rows in sizes.items():
        if contract.max_rows_per_day is not None and day is not None and rows > contract.max_rows_per_day:
            yield day, f"{rows} rows, at most {contract.max_rows_per_day} are expected in a day"
        is_inner = len(days) > 2 and day not in {days[0], days[-1], None}
        if contract.min_rows_per_day is not None and is_inner and rows < contract.min_rows_per_day:
            yield day, f"{rows} rows, at least {contract.min_rows_per_day} are expected in a day"


def _bad_days_of(days: Sequence[Mapping[str, Any]], column: ColumnContract) -> Iterator[tuple[object, str]]:
    name = column.name
    for row in days:
        day, rows = row[DAY], row["rows"]
        if (limit := column.max_null_rate) is not None and row["nulls"] > _most(rows, limit):
            yield (
                day,
                f"{name!r} is null in {row['nulls'] / rows:.1%} of the rows, expected at most {limit:.1%}",
            )
        given = rows - row["nulls"]
        if given < FEWEST_ROWS:
            continue
        if (limit := column.max_unseen_rate) is not None and row["unseen"] > _most(given, limit):
            yield (
                day,
                f"{name!r} has {row['unseen'] / given:.1%} values never seen before, expected {limit:.1%}",
            )
        if (limit := column.max_top_share) is not None and row["top"] > _most(given, limit):
            yield day, f"{name!r} has the same value in {row['top'] / given:.0%} of the rows"
        if (ends := column.median_range) is not None and not ends[0] <= row["median"] <= ends[1]:
            yield (
                day,
                f"the median of {name!r} is {row['median']:.4g}, expected {ends[0]:.4g} to {ends[1]:.4g}",
            )
        if (tails := _tails(column)) is not None and row["beyond"] > _most(given, MOST_BEYOND):
            share = row["beyond"] / given
            yield day, f"{name!r} is beyond {tails[0]:.4g} or {tails[1]:.4g} in {share:.0%} of the rows"


@dataclass(frozen=True)
class _Day:
    """A day with enough rows, and a number for each column and measure."""

    day: object
    rows: int
    measures: Mapping[str, npt.NDArray[np.float64]]

    def of(self, number: int) -> Mapping[str, Any]:
        found = {what: float(values[number]) for what, values in self.measures.items()}
        return {DAY: self.day, "rows": self.rows, **found}


def _measure(dated: pl.DataFrame, columns: Sequence[ColumnContract]) -> list[_Day]:
    """Measure columns on every day with enough rows; a day without a median has 0."""
    found = measure_days(dated, {column.name: column.type for column in columns})
    own = _own_counts(dated, columns)
    measures = {"nulls": found.nulls, "top": found.top, "median": np.nan_to_num(found.medians)}
    days = []
    for place, (day, rows) in enumerate(zip(found.days, found.rows.tolist(), strict=True)):
        if rows >= FEWEST_ROWS:
            counted = {what: np.array([counts.get(day, 0.0) for counts in own[what]]) for what in own}
            days.append(_Day(day, int(rows), {**counted, **{w: m[place] for w, m in measures.items()}}))
    return days


def _own_counts(
    dated: pl.DataFrame, columns: Sequence[ColumnContract]
) -> dict[str, list[Mapping[object, float]]]:
    """Count by day what a column's own limits ask for: unseen levels, values far outside.

    A column that has none at all has no days.
    """
    found: dict[str, list[Mapping[object, float]]] = {"unseen": [], "beyond": []}
    ends = _ends(dated, [column.name for column in columns if column.type in {"number", "integer"}])
    for column in columns:
        value, tails = pl.col(column.name), _tails(column)
        unseen = beyond = None
        if column.levels is not None:
            unseen = value.is_not_null() & ~value.is_in(list(column.levels))
        if tails is not None and not _is_within(ends.get(column.name), *tails):
            beyond = (value < tails[0]) | (value > tails[1])
        for what, rule in (("unseen", unseen), ("beyond", beyond)):
            counts: Mapping[object, float] = {}
            if rule is not None:
                counts = dict(dated.select(pl.col(DAY).filter(rule)).group_by(DAY).agg(pl.len()).iter_rows())
            found[what].append(counts)
    return found


def _ends(dated: pl.DataFrame, names: list[str]) -> dict[str, tuple[float | None, float | None]]:
    """Give the lowest and the highest value of columns of numbers."""
    if not names:
        return {}
    lows, highs = (dated.select(found).row(0) for found in (pl.col(names).min(), pl.col(names).max()))
    return dict(zip(names, zip(lows, highs, strict=True), strict=True))


def _is_within(ends: tuple[float | None, float | None] | None, low: float | None, high: float | None) -> bool:
    """Tell whether all values of a column lie between bounds, as far as there are bounds and values."""
    if ends is None or ends[0] is None or ends[1] is None:
        return True
    return (low is None or ends[0] >= low) and (high is None or ends[1] <= high)


def _tails(column: ColumnContract) -> tuple[float, float] | None:
    """Give bounds beyond which few values lie on any ordinary day: the 1 % and 99 % points, spread apart."""
    if column.quantiles is None:
        return None
    low, high = column.quantiles[0][1], column.quantiles[-1][1]
    return (2 * low - high, 2 * high - low) if high > low else None


def _most(rows: int, rate: float) -> float:
    """Give the count that chance alone does not exceed when a rate is at its limit."""
    return rows * rate + SURPRISE * math.sqrt(rows * rate * (1 - rate)) + 1


def _day_finding(day: object, texts: list[str], rows: int) -> Finding:
    name = str(day) if isinstance(day, date) else "the table"
    facts: dict[str, object] = {
        "day": str(day) if isinstance(day, date) else None,
        "rows": rows,
        "problems": texts,
    }
    return Finding("contract.day", "warning", f"{name} ({rows} rows): {'; '.join(texts[:3])}", facts)


def _row_finding(broken: pl.DataFrame) -> Finding:
    counts = (
        broken.group_by("column", "kind").agg(pl.col("__row").n_unique().alias("rows")).sort("column", "kind")
    )
    problems = [{"column": c, "kind": k, "rows": n} for c, k, n in counts.iter_rows()]
    rows = broken["__row"].n_unique()
    named = ", ".join(f"{item['column']!r} ({item['kind']})" for item in problems[:3])
    return Finding(
        "contract.rows", "warning", f"{rows} rows break the contract in {named}", {"problems": problems}
    )


def _by_day(item: tuple[object, list[str]]) -> str:
    return str(item[0])
