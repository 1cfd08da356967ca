"""Queries as a source."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from mlwright.data import open_source
from mlwright.data.database_url import require_no_password
from mlwright.data.sql_source import series_of
from mlwright.errors import ColumnRepeated, MlwrightError, SourceUnreadable, UsageError


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE orders (id INTEGER, paid REAL, day TEXT, note)")
        rows = [(1, 2.5, "2024-01-01", "a"), (2, None, "2024-01-02", None), (3, 1.0, "2024-01-03", 7)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        database.commit()
    return tmp_path


@pytest.mark.promise("input.sql")
def test_a_query_gives_its_rows_with_types(shop: Path) -> None:
    frame = open_source(shop, "sqlite:///shop.db", "select * from orders order by id").read()
    assert frame.to_dict(as_series=False) == {
        "id": [1, 2, 3],
        "paid": [2.5, None, 1.0],
        "day": ["2024-01-01", "2024-01-02", "2024-01-03"],
        "note": ["a", None, "7"],
    }
    empty = open_source(shop, "sqlite:///shop.db", "select id from orders where id > 9").read()
    assert (empty.columns, empty.height) == (["id"], 0)


@pytest.mark.promise("input.sql")
def test_chunks_of_other_types_are_put_together(shop: Path) -> None:
    query = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100001) "
    query += "select i, case when i = 100001 then 'last' else i end as word from n"
    frame = open_source(shop, "sqlite:///shop.db", query).read()
    assert frame.schema == {"i": pl.Int64, "word": pl.String}
    assert frame["word"].to_list()[-2:] == ["100000", "last"]


@pytest.mark.promise("input.sql")
@pytest.mark.parametrize(
    ("source", "query", "error", "said"),
    [
        ("sqlite:///shop.db", None, UsageError, "orders"),
        ("sqlite:///shop.db", "drop table orders", SourceUnreadable, "readonly"),
        ("sqlite:///shop.db", "select * from order_s", SourceUnreadable, "no such table"),
        ("sqlite:///shop.db", "select id, paid as id from orders", ColumnRepeated, "'id'"),
        ("sqlite:///other.db", "select 1", SourceUnreadable, "other.db"),
        ("sqlite://shop.db", "select 1", UsageError, "sqlite:///shop.db"),
        ("env:SHOP_URL", "select 1", UsageError, "SHOP_URL"),
        ("s3://bucket/a.parquet", None, SourceUnreadable, "download"),
        ("shop.csv", "select 1", UsageError, "database"),
        (("sqlite:///shop.db", "more.csv"), "select 1", UsageError, "only source"),
        ("postgresql://ann:geheim@db/shop", "select 1", SourceUnreadable, "mlwright[sql]"),
    ],
)
def test_what_cannot_be_asked_says_why(
    shop: Path, source: str | Sequence[str], query: str | None, error: type[MlwrightError], said: str
) -> None:
    with pytest.raises(error) as caught:
        open_source(shop, source, query, {}).read()
    assert said in caught.value.message + caught.value.hint
    assert "geheim" not in str(caught.value)
    assert not (shop / "other.db").exists()


@pytest.mark.promise("input.sql")
def test_a_url_may_be_in_the_environment_and_a_password_must(shop: Path) -> None:
    environ = {"SHOP_URL": f"sqlite:///{shop}/shop.db"}
    assert open_source(shop, "env:SHOP_URL", "select id from orders", environ).read().height == 3
    require_no_password("env:SHOP_URL")
    with pytest.raises(UsageError, match="password"):
        require_no_password("postgresql://ann:geheim@db/shop")


@pytest.mark.parametrize(
    ("values", "dtype", "first"),
    [
        ([True, None], pl.Boolean, True),
        ([1, True], pl.Int64, 1),
        ([1, 2.5], pl.Float64, 1.0),
        ([2**70, 1], pl.Float64, float(2**70)),
        ([Decimal("1.50"), None], pl.Float64, 1.5),
        ([date(2024, 1, 1)], pl.Date, date(2024, 1, 1)),
        ([datetime(2024, 1, 1, 5, tzinfo=UTC), date(2024, 1, 2)], pl.Datetime("us"), datetime(2024, 1, 1, 5)),  # noqa: DTZ001
        ([b"x", memoryview(b"y")], pl.Binary, b"x"),
        ([1, "x"], pl.String, "1"),
        ([None, None], pl.Null, None),
    ],
)
def test_values_of_a_driver_become_columns(values: list[object], dtype: pl.DataType, first: object) -> None:
    series = series_of("v", values)
    assert (series.dtype, series[0]) == (dtype, first)
