"""A leak in the data stops a version: no alias, no rollout, until somebody accepts it or says why."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mlwright.commands import rollout
from mlwright.commands.init import InitRequest, init
from mlwright.commands.rollout import RolloutRequest
from mlwright.commands.run import RunRequest, run
from mlwright.errors import VersionBlocked
from mlwright.pipeline import Silent
from mlwright.project import find_project
from mlwright.registry import Registry
from tests.unit.data.tables import transactions


def leaking(folder: Path) -> Path:
    folder.mkdir()
    data = folder.parent / "payments.parquet"
    label = pl.col("is_fraud").cast(pl.Float64)
    transactions().with_columns((label * 40 + 2).alias("refunds")).write_parquet(data)
    return init(InitRequest("fraud", folder, data=(str(data),), label="is_fraud", time="ts")).root


@pytest.mark.promise("checks.block")
def test_a_version_with_a_leak_gets_no_alias_and_no_traffic(tmp_path: Path) -> None:
    project = leaking(tmp_path / "a")

    result = run(RunRequest(project, trials=2), Silent())

    registry = Registry(find_project(project).database)
    assert (result.verdict, result.moved) == ("fail", "")
    assert registry.alias("fraud", "champion") is None
    assert registry.alias("fraud", "candidate") is None
    with pytest.raises(VersionBlocked, match="leak.column:refunds") as caught:
        rollout.start(RolloutRequest(project, model="fraud@1"))
    assert "--reason" in str(caught.value.hint)


@pytest.mark.promise("checks.block")
def test_an_accepted_leak_no_longer_blocks(tmp_path: Path) -> None:
    project = leaking(tmp_path / "a")
    config = project / "mlwright.toml"
    config.write_text(config.read_text() + '\n[checks]\naccept = ["leak.column:refunds"]\n')

    result = run(RunRequest(project, trials=2), Silent())

    assert (result.verdict, result.moved) == ("pass", "champion")


@pytest.mark.promise("checks.block")
def test_a_reason_lets_a_blocked_version_be_tried_and_is_kept(tmp_path: Path) -> None:
    project = leaking(tmp_path / "a")
    run(RunRequest(project, trials=2), Silent())
    registry = Registry(find_project(project).database)
    registry.move_alias("fraud", "champion", 1, actor="test", reason="there was no other")
    run(RunRequest(project, seed=8, trials=2), Silent())
    asked = RolloutRequest(project, model="fraud@2")
    with pytest.raises(VersionBlocked):
        rollout.start(asked)

    rollout.start(RolloutRequest(project, model="fraud@2", reason="refunds are booked before"))
    with pytest.raises(VersionBlocked):
        rollout.promote(RolloutRequest(project))

    (record,) = rollout.list_rollouts(RolloutRequest(project))
    assert record.events[0].reason == "refunds are booked before"
