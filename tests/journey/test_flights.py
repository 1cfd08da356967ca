"""The main job on a real table that nobody here made: flights from New York in 2013."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.datasets import flights
from tests.journey.conftest import Shell


@pytest.mark.promise("real.flights", "run.split", "loop.rollback")
def test_flights_are_learned_served_renewed_and_rolled_back(
    shell: Shell, request: pytest.FixtureRequest
) -> None:
    assert request.config.cache is not None
    frame = flights(Path(request.config.cache.mkdir("datasets")))
    late = (pl.col("arr_delay") > 15).cast(pl.Int64).alias("late")
    frame = frame.with_columns(late).drop("arr_delay")
    frame.write_parquet(shell.folder / "flights.parquet")
    said = shell.good("init", "late", "--data", "flights.parquet", "--label", "late", "--time", "time_hour")
    assert said["task"] == "binary"
    project = Shell(shell.folder / "late")
    first = project.good("run", "--budget-cpu-s", "10")
    assert (first["reference"], first["verdict"], first["moved"]) == ("late@1", "pass", "champion")
    assert first["metrics"]["auc"]["value"] > 0.63
    second = project.good("run", "--trials", "2", "--seed", "8")
    assert (second["reference"], second["moved"]) == ("late@2", "candidate")
    row = frame.tail(1).drop("late").with_columns(pl.col("time_hour").cast(pl.String)).to_dicts()[0]
    with project.running("serve") as client:
        answer = client.predict(row, unit="N14228")[0]
        assert (answer["model"], answer["version"], answer["variant"]) == ("late", 1, "champion")
        assert 0.0 < answer["score"] < 1.0
        project.good("rollout", "start", "--reason", "try it")
        project.good("rollout", "promote", "--reason", "good enough")
        assert client.predict(row)[0]["version"] == 2
        back = project.good("rollback", "--reason", "changed my mind")
        assert (back["from_version"], back["to_version"], back["is_live"]) == ("late@2", "late@1", True)
        assert client.predict(row)[0] | {"id": ""} == answer | {"id": ""}
        broken = client.ask(
            "POST", "/v1/predict/late", json.dumps({"rows": [{**row, "hour": "noon"}]}).encode()
        )
        assert (broken.status, broken.json()["column"]) == (422, "hour")
