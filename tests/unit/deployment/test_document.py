from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwright.deployment import (
    Applied,
    Document,
    document_path,
    ensure_published,
    newest_document,
    publish,
    serve_exactly,
    write_document,
)
from mlwright.errors import ConfigError, ModelUnknown, NothingToServe, ServerRefused
from mlwright.project import Project
from mlwright.registry import Registry, parse_reference
from tests.unit.deployment.versions import CONFIG, make_project


class FakeTarget:
    """Serves what it is told, as the local target does with a running server."""

    def __init__(self, project: Project, *, refuses: bool = False, runs: bool = True) -> None:
        self.project = project
        self.refuses = refuses
        self.runs = runs
        self.epoch = 0
        self.applied = 0

    def apply(self, document: Document) -> Applied:
        newest = write_document(self.project.database, document_path(self.project))
        assert newest is not None
        self.applied += 1
        if self.runs and not self.refuses:
            self.epoch = newest.epoch
        return Applied(self.runs, not self.refuses, self.epoch, "package.corrupt" if self.refuses else None)

    def look(self) -> Applied:
        return Applied(self.runs, is_applied=True, epoch=self.epoch)


def _move(project: Project, number: int) -> None:
    Registry(project.database).move_alias("fraud", "champion", number, actor="t", reason="r")


def test_epochs_grow_by_one_per_change_and_not_without_one(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    target = FakeTarget(project)
    assert publish(project, target, actor="t", reason="r").document.epoch == 1
    assert publish(project, target, actor="t", reason="r").document.epoch == 1
    _move(project, 2)
    assert publish(project, target, actor="t", reason="r").document.epoch == 2
    assert json.loads(document_path(project).read_text())["epoch"] == 2


def test_a_file_that_was_lost_or_is_old_is_written_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project, FakeTarget(project), actor="t", reason="r")
    wanted = document_path(project).read_text()
    document_path(project).unlink()
    publish(project, FakeTarget(project), actor="t", reason="r")
    assert document_path(project).read_text() == wanted
    document_path(project).write_text("{}")
    write_document(project.database, document_path(project))
    assert document_path(project).read_text() == wanted


def test_the_loop_publishes_only_what_is_missing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    target = FakeTarget(project)
    for _ in range(3):
        ensure_published(project, target, actor="up")
    assert target.applied == 1
    target.epoch = 0  # the server was restarted on nothing
    ensure_published(project, target, actor="up")
    assert (target.applied, target.epoch) == (2, 1)


def test_a_refused_document_is_an_error_that_names_both_epochs(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    target = FakeTarget(project)
    publish(project, target, actor="t", reason="r")
    _move(project, 2)
    target.refuses = True
    with pytest.raises(ServerRefused, match=r"keeps serving epoch 1 and refused epoch 2: package\.corrupt"):
        publish(project, target, actor="t", reason="r")


def test_without_a_server_the_document_waits_for_the_next_start(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    published = publish(project, FakeTarget(project, runs=False), actor="t", reason="r")
    assert not published.applied.is_running
    assert document_path(project).exists()


def test_a_project_without_versions_or_deployments_has_nothing_to_serve(tmp_path: Path) -> None:
    empty = make_project(tmp_path, versions=0, champion=None)
    with pytest.raises(NothingToServe, match="no version"):
        publish(empty, FakeTarget(empty), actor="t", reason="r")
    (tmp_path / "other").mkdir()
    bare = make_project(tmp_path / "other", config='[project]\nname = "fraud"\n')
    with pytest.raises(NothingToServe, match="no deployment"):
        publish(bare, FakeTarget(bare), actor="t", reason="r")


def test_a_deployment_without_a_version_does_not_stop_the_others(tmp_path: Path) -> None:
    config = CONFIG + '\n[deployment.staging]\nmodel = "fraud@candidate"\n'
    project = make_project(tmp_path, config=config)
    document = publish(project, FakeTarget(project), actor="t", reason="r").document
    assert [item.name for item in document.deployments] == ["production"]


@pytest.mark.parametrize("name", ["_feedback", "../up", "a b", ".hidden"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path, config=CONFIG.replace("deployment.production", f"deployment.'{name}'"))
    with pytest.raises(ConfigError, match="cannot be the name"):
        publish(project, FakeTarget(project), actor="t", reason="r")


def test_the_newest_document_reads_back_as_it_was_built(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project, FakeTarget(project), actor="t", reason="r")
    document = newest_document(project.database)
    assert document is not None
    (deployment,) = document.deployments
    assert (deployment.salt, deployment.unit, deployment.rollout) == ("production-0", None, None)
    assert [(v.name, v.version, v.weight) for v in deployment.variants] == [("champion", 1, 1.0)]


def test_serving_by_name_takes_the_newest_version_whatever_its_gates_said(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with project.database.read() as tx:
        (deployment,) = serve_exactly([parse_reference("fraud@latest")], tx)
        assert (deployment.name, deployment.variants[0].version) == ("fraud", 3)
        with pytest.raises(ModelUnknown):
            serve_exactly([parse_reference("fraud@9")], tx)
