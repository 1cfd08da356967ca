"""The rates of the leak finder on real tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.training.checks import check_leak
from tests.datasets import flights
from tests.planted.leaks import LEAKS
from tests.planted.tables import given, honest_tables, with_column

PLANTED = ("adult", "california", "default", "bikeshare", "flights")


def folder(request: pytest.FixtureRequest) -> Path:
    assert request.config.cache is not None
    return Path(request.config.cache.mkdir("datasets"))


@pytest.mark.slow
@pytest.mark.promise("checks.leak")
def test_planted_leaks_are_found_and_honest_tables_raise_no_alarm(request: pytest.FixtureRequest) -> None:
    tables = honest_tables(folder(request))

    alarms = {name: check_leak(table) for name, table in tables.items()}
    missed = [
        (name, kind)
        for name in PLANTED
        for kind, make in LEAKS.items()
        if "planted"
        not in {
            finding.column
            for finding in check_leak(
                with_column(tables[name], "planted", make(tables[name].target, np.random.default_rng(3)))
            )
        }
    ]

    assert len(missed) <= 2, missed
    assert sum(bool(found) for found in alarms.values()) <= 1, alarms


@pytest.mark.slow
@pytest.mark.promise("checks.leak")
def test_what_is_known_after_departure_is_called_late(request: pytest.FixtureRequest) -> None:
    late = (pl.col("arr_delay") > 15).cast(pl.Int64).alias("late")
    table = flights(folder(request), known_too_late=True).with_columns(late).drop("arr_delay")

    found = check_leak(given(table, "late", task="binary", time="time_hour"))

    assert {"dep_time", "dep_delay", "arr_time", "air_time"} == {finding.column for finding in found}
