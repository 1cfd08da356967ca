"""Run in an environment with SQLAlchemy and psycopg: a project from a query to a PostgreSQL server."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import psycopg

import mlwright
from mlwright.data import open_source
from mlwright.errors import SourceUnreadable, UsageError

QUERY = (
    "select x, paid, big, day, at, at_zone, flag, key, plan, data, y from orders"
    " where coalesce(plan, '') like '%' order by x"
)
FIRST = {
    "x": 1,
    "paid": 1.5,
    "big": 9_000_000_001,
    "day": dt.date(2024, 1, 2),
    "at": dt.datetime(2024, 1, 1, 1),  # noqa: DTZ001
    "at_zone": dt.datetime(2023, 12, 31, 23),  # noqa: DTZ001
    "flag": False,
    "key": "00000000-0000-0000-0000-000000000001",
    "plan": None,
    "data": b"\x01",
    "y": "no",
}


def fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table orders as select i as x, i * 1.5::numeric as paid, 9000000000 + i::bigint as big,"
            " date '2024-01-01' + i as day, timestamp '2024-01-01' + i * interval '1 hour' as at,"
            " timestamptz '2024-01-01 00:00+02' + i * interval '1 hour' as at_zone, i % 2 = 0 as flag,"
            " lpad(i::text, 32, '0')::uuid as key, case when i % 7 = 1 then null else 'pro' end as plan,"
            " '\\x01'::bytea as data, case when i % 50 > 25 then 'yes' else 'no' end as y"
            " from generate_series(1, 300) as i"
        )


def refusal(source: str, query: str, error: type[mlwright.MlwrightError], folder: Path) -> str:
    try:
        mlwright.init("other", source, "y", folder=folder, sql=query)
    except error as problem:
        return problem.message + problem.hint
    return ""


def main(socket: Path, folder: Path) -> None:
    fill(f"postgresql://shop@/postgres?host={socket}")
    url = f"postgresql+psycopg://shop:geheim@/postgres?host={socket}"
    os.environ["ORDERS_URL"] = url
    frame = open_source(Path(), "env:ORDERS_URL", QUERY).read()
    assert frame.row(0, named=True) == FIRST, frame.row(0, named=True)
    assert frame.height == 300
    made = mlwright.init("orders", "env:ORDERS_URL", "y", folder=folder, sql=QUERY, time="none")
    assert "geheim" not in (made.root / "mlwright.toml").read_text()
    assert not mlwright.run(made.root, trials=1).is_cached
    assert mlwright.run(made.root, trials=1).is_cached
    assert mlwright.predict("orders@1", "env:ORDERS_URL", project=made.root, sql=QUERY).height == 300
    for source, asked, error in (
        ("env:ORDERS_URL", "select * from nothing", SourceUnreadable),
        ("env:ORDERS_URL", "drop table orders", SourceUnreadable),
        (url, QUERY, UsageError),
    ):
        said = refusal(source, asked, error, folder)
        assert said
        assert "geheim" not in said
    assert open_source(Path(), "env:ORDERS_URL", QUERY).read().height == 300


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
