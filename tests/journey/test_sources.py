"""Tables that are no single file: a query, a folder; from init to scores."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from tests.journey.conftest import Shell, customers

QUERY = 'select * from customers where tenure > 1 order by "Customer ID"'


def fill(path: Path, table: pl.DataFrame) -> None:
    texts = table.with_columns(pl.col(pl.Date).cast(pl.String), pl.col(pl.Boolean).cast(pl.Int64))
    names = ", ".join(f'"{name}"' for name in texts.columns)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE IF NOT EXISTS customers ({names})")
        marks = ", ".join("?" * texts.width)
        database.executemany(f"INSERT INTO customers VALUES ({marks})", texts.rows())
        database.commit()


@pytest.mark.promise("input.sql")
def test_a_query_is_learned_from_and_asked_again_only_when_its_rows_change(shell: Shell) -> None:
    table = customers(1_000)
    fill(shell.folder / "shop.db", table)
    database = ("--data", "sqlite:///shop.db", "--sql", QUERY)
    said = shell.good("init", "churn", *database, "--label", "left", "--positive", "yes")
    assert said["rows"] == table.filter(pl.col("tenure") > 1).height
    project = Shell(shell.folder / "churn")
    first = project("run", "--budget-cpu-s", "2", "--json")
    assert first.code in (0, 3), first.err
    again = project("run", "--budget-cpu-s", "2", "--json")
    assert (first.json()["is_cached"], again.json()["is_cached"]) == (False, True)
    shell.good("predict", "--project", "churn", "--model", "churn@latest", *database, "--out", "out.csv")
    assert pl.read_csv(shell.folder / "out.csv").columns == ["prediction", "score"]
    fill(shell.folder / "shop.db", customers(50, seed=2).with_columns(left=pl.lit("no")))
    plan = project("run", "--budget-cpu-s", "2", "--dry-run", "--json").json()
    assert not plan["steps"][0][1]
