from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.deployment import roll_back, start_rollout, way_back
from mlwright.deployment import rollback as module
from mlwright.errors import NothingToRollBack, PackageCorrupt
from mlwright.project import Project
from mlwright.registry import Registry
from tests.unit.deployment.versions import CONFIG, make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(module, "check_package", lambda packages, digest: None)  # versions without bytes
    return make_project(tmp_path, versions=4)


def _promote(project: Project, number: int) -> None:
    Registry(project.database).move_alias("fraud", "champion", number, actor="t", reason="r")


def _champion(project: Project) -> int:
    version = Registry(project.database).alias("fraud", "champion")
    assert version is not None
    return version.number


def _back(project: Project) -> None:
    roll_back(project, "production", actor="ann", reason="it hurts")


def test_a_rollback_goes_to_the_champion_before(project: Project) -> None:
    _promote(project, 3)
    _back(project)
    assert _champion(project) == 1


def test_repeated_rollbacks_go_further_back(project: Project) -> None:
    for number in (2, 3):
        _promote(project, number)
    _back(project)
    assert _champion(project) == 2
    _back(project)
    assert _champion(project) == 1
    with pytest.raises(NothingToRollBack):
        _back(project)


def test_a_promotion_after_a_rollback_starts_from_there(project: Project) -> None:
    for number in (2, 3):
        _promote(project, number)
    _back(project)
    _promote(project, 4)
    _back(project)
    assert _champion(project) == 2


def test_going_back_to_an_old_version_by_promotion_is_a_step_forward(project: Project) -> None:
    _promote(project, 2)
    _promote(project, 1)
    _back(project)
    assert _champion(project) == 2


def test_a_rollback_under_a_rollout_ends_it_and_keeps_the_champion(project: Project) -> None:
    _promote(project, 2)
    rollout = start_rollout(project, "production", "fraud@3", actor="up", reason="try")
    done = roll_back(project, "production", actor="ann", reason="it hurts")
    assert (done.from_version, done.to_version, done.ends_rollout) == ("fraud@3", "fraud@2", rollout.id)
    assert _champion(project) == 2


def test_who_why_from_and_to_are_kept(project: Project) -> None:
    _promote(project, 2)
    _back(project)
    move = Registry(project.database).moves("fraud", "champion")[-1]
    assert (move.from_version, move.to_version, move.actor, move.reason) == (2, 1, "ann", "it hurts")
    with project.database.read() as tx:
        actions = [row["action"] for row in tx.fetch_all("SELECT action FROM audit ORDER BY id")]
    assert actions[-1] == "alias.moved"


def test_what_a_rollback_would_do_is_told_before(project: Project) -> None:
    assert way_back(project, "production") is None
    _promote(project, 2)
    found = way_back(project, "production")
    assert found is not None
    assert (found.from_version, found.to_version) == ("fraud@2", "fraud@1")


def test_a_pinned_deployment_cannot_be_rolled_back(tmp_path: Path) -> None:
    project = make_project(tmp_path, config=CONFIG.replace("fraud@champion", "fraud@3"))
    with pytest.raises(NothingToRollBack):
        _back(project)


def test_a_damaged_package_stops_a_rollback_before_anything_moves(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    _promote(project, 2)
    with pytest.raises(PackageCorrupt):
        _back(project)
    assert _champion(project) == 2
