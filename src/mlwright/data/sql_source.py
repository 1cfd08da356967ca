"""The rows of a query: SQLite by itself, other databases where SQLAlchemy and their driver are installed."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import importlib.util
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from mlwright.data.database_url import shown_url, sqlite_file
from mlwright.errors import ColumnRepeated, SourceUnreadable, UsageError

CHUNK_ROWS = 50_000
WHOLE = (-(2**63), 2**63 - 1)

Cells: TypeAlias = Iterable[Sequence[Sequence[object]]]


@dataclass(frozen=True)
class SqlSource:
    """The rows that a query gives, in its order; nothing is written to the database.

    >>> SqlSource("sqlite:////data/shop.db", "select * from orders order by id").read()  # doctest: +SKIP
    """

    url: str
    query: str | None

    def read(self) -> pl.DataFrame:
        """Run the query. Raises `UsageError` without one, `SourceUnreadable`, `ColumnRepeated`."""
        query = self._query()
        reader = _read_sqlite if self.url.startswith("sqlite:") else _read_others
        with reader(self.url, query) as (names, chunks):
            _check_names(names)
            frames = [_frame(names, rows) for rows in chunks]
        return pl.concat(frames or [_frame(names, [])], how="vertical_relaxed").rechunk()

    def _query(self) -> str:
        if self.query is not None and self.query.strip():
            return self.query
        tables = _sqlite_tables(self.url) if self.url.startswith("sqlite:") else []
        example = f'"select * from {tables[0]}"' if tables else '"select … from …"'
        told = f" (its tables: {', '.join(tables[:10])})" if tables else ""
        raise UsageError(
            f"the database {shown_url(self.url)!r} needs a query", hint=f"add --sql {example}{told}"
        )


@contextmanager
def _read_sqlite(url: str, query: str) -> Iterator[tuple[list[str], Cells]]:
    path = sqlite_file(url)
    if not path.is_file():
        raise SourceUnreadable(f"there is no database {str(path)!r}", hint="write sqlite:///PATH.db")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            yield _names([column[0] for column in cursor.description or ()]), _chunks(cursor)
    except (sqlite3.Error, sqlite3.Warning) as cause:
        raise _failed(cause) from cause


@contextmanager
def _read_others(url: str, query: str) -> Iterator[tuple[list[str], Cells]]:
    if importlib.util.find_spec("sqlalchemy") is None:
        raise SourceUnreadable(
            f"{shown_url(url)!r} needs SQLAlchemy, which is not installed",
            hint="install `mlwright[sql]` and the driver of your database, for example psycopg",
        )
    integration: Any = importlib.import_module("mlwright.integrations.sqlalchemy")
    try:
        with integration.run_query(url, query) as (names, cursor):
            yield _names(names), _chunks(cursor)
    except integration.ERRORS as cause:
        raise _failed(integration.cause_of(cause)) from cause


def _names(names: Sequence[str]) -> list[str]:
    if not names:
        raise SourceUnreadable("the query gives no rows", hint="write a query that begins with select")
    return [str(name) for name in names]


def _chunks(cursor: Any) -> Iterator[list[Sequence[object]]]:
    while rows := cursor.fetchmany(CHUNK_ROWS):
        yield rows


def _failed(cause: BaseException) -> SourceUnreadable:
    said = " ".join(str(cause).split())[:300]
    return SourceUnreadable(f"the query failed: {said}", hint="try the query in the database's own client")


def _sqlite_tables(url: str) -> list[str]:
    path = sqlite_file(url)
    if not path.is_file():
        return []
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
                " ORDER BY name"
            ).fetchall()
        except sqlite3.Error:
            return []  # no SQLite file: the query would say so
    return [str(row[0]) for row in rows]


def _check_names(names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ColumnRepeated(
                f"{count} columns of the query have the name {name!r}",
                hint="name each column of the query once, with `as` where two tables have the same",
                column=name,
            )


def _frame(names: Sequence[str], rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pl.DataFrame([series_of(name, values) for name, values in zip(names, columns, strict=True)])


def series_of(name: str, values: Sequence[Any]) -> pl.Series:
    """Give values the type that all of them have; a column that mixes texts with others is text.

    >>> series_of("v", [1, 2.5, None]).dtype, series_of("v", [1, "x"]).to_list()
    (Float64, ['1', 'x'])
    """
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= {bool, int} and all(value is None or WHOLE[0] <= value <= WHOLE[1] for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {bool, int, float, decimal.Decimal}:
        return pl.Series(name, [None if value is None else float(value) for value in values])
    if kinds == {dt.date}:
        return pl.Series(name, values, dtype=pl.Date)
    if kinds <= {dt.date, dt.datetime}:
        return pl.Series(name, [_moment(value) for value in values], dtype=pl.Datetime("us"))
    if kinds <= {bytes, memoryview, bytearray}:
        return pl.Series(name, [None if value is None else bytes(value) for value in values], dtype=pl.Binary)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _moment(value: dt.date | None) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  # a day has no zone
    return value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
