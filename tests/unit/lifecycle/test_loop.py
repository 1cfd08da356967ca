from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlwright.deployment import active_rollout, rollout_events, rollouts
from mlwright.errors import ServerError
from mlwright.lifecycle.health import read_health
from mlwright.lifecycle.loop import ControlLoop, LoopEvent, Parts
from mlwright.lifecycle.retraining import RunEnd
from mlwright.lifecycle.trigger import OpenFiring, open_firing
from mlwright.monitoring import Judgement, record_judgement
from mlwright.project import Project
from mlwright.registry import NewVersion, Registry
from tests.unit.deployment.test_document import FakeTarget
from tests.unit.deployment.versions import CONFIG, make_project

TRIGGER = """
[triggers.quality]
on = "alert"
monitor = "quality"
cooldown_minutes = 60.0
"""


@dataclass
class FakeSupervisor:
    failures: int = 0
    breaks: bool = False
    stopped: bool = False

    def keep_alive(self) -> None:
        if self.breaks:
            self.failures += 1
            raise ServerError("the server ended before it was ready", hint="look at server.log")

    def stop(self) -> None:
        self.stopped = True


@dataclass
class FakeRetraining:
    started: list[OpenFiring] = field(default_factory=list)
    end: RunEnd | None = None

    def start(self, firing: OpenFiring) -> int:
        self.started.append(firing)
        return 1

    def look(self, firing: OpenFiring) -> RunEnd | None:
        end, self.end = self.end, None
        return end

    def stop(self) -> None:
        pass


@dataclass
class Stage:
    project: Project
    supervisor: FakeSupervisor = field(default_factory=FakeSupervisor)
    retraining: FakeRetraining = field(default_factory=FakeRetraining)
    events: list[LoopEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = FakeTarget(self.project)
        self.loop = self.restart()

    def restart(self) -> ControlLoop:
        parts = Parts(self.supervisor, self.target, self.retraining)  # type: ignore[arg-type]
        self.loop = ControlLoop(self.project, parts, self.events.append)
        return self.loop

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(make_project(tmp_path, config=CONFIG + TRIGGER))


def _propose(project: Project, number: int) -> None:
    Registry(project.database).move_alias("fraud", "candidate", number, actor="run", reason="passed")


def _raise_alert(project: Project) -> None:
    judgement = Judgement("quality", "fail", "page", "missed 40 %")
    record_judgement(project.database, judgement, deployment="production", version=1)


def test_a_tick_publishes_and_a_quiet_project_stays_quiet(stage: Stage) -> None:
    for _ in range(3):
        stage.loop.tick()
    assert stage.kinds() == ["document.applied"]
    assert stage.target.epoch == 1


def test_a_new_candidate_gets_a_trial_once(stage: Stage) -> None:
    _propose(stage.project, 2)
    stage.loop.tick()
    rollout = active_rollout(stage.project.database, "production")
    assert rollout is not None
    assert rollout.candidate == 2
    assert stage.target.epoch == 2
    for _ in range(3):
        stage.restart().tick()
    assert len(rollouts(stage.project.database)) == 1


def test_an_older_or_failing_candidate_gets_none(stage: Stage) -> None:
    registry = Registry(stage.project.database)
    bad = NewVersion("fraud", "f" * 64, "binary", "lightgbm", "run", "fail", {})
    _propose(stage.project, registry.register(bad, actor="run").number)
    stage.loop.tick()
    registry.move_alias("fraud", "champion", 3, actor="ann", reason="r")
    _propose(stage.project, 2)
    stage.loop.tick()
    assert rollouts(stage.project.database) == []


@pytest.mark.promise("loop.rolls-back")
def test_a_server_that_cannot_start_with_the_candidate_ends_the_rollout(stage: Stage) -> None:
    _propose(stage.project, 2)
    stage.loop.tick()
    stage.supervisor.breaks = True
    for _ in range(4):
        stage.loop.tick()
    (rollout,) = rollouts(stage.project.database)
    assert rollout.outcome == "rolled-back"
    last = rollout_events(stage.project.database, rollout.id)[-1]
    assert "failed to start 3 times" in last.reason
    assert last.evidence["failed_starts"] == 3


def test_a_document_that_the_server_refuses_ends_the_rollout(stage: Stage) -> None:
    _propose(stage.project, 2)
    stage.loop.tick()
    stage.target.epoch = 0
    stage.target.refuses = True
    for _ in range(4):
        stage.loop.tick()
    (rollout,) = rollouts(stage.project.database)
    assert rollout.outcome == "rolled-back"


def test_a_rollout_ends_when_the_champion_it_is_compared_with_is_gone(stage: Stage) -> None:
    _propose(stage.project, 2)
    stage.loop.tick()
    Registry(stage.project.database).move_alias("fraud", "champion", 3, actor="ann", reason="r")
    stage.loop.tick()
    (rollout,) = rollouts(stage.project.database)
    assert rollout.outcome == "rolled-back"


def test_a_ring_that_breaks_is_told_once_and_stops_no_other(stage: Stage) -> None:
    stage.supervisor.breaks = True
    for _ in range(3):
        stage.loop.tick()
    assert stage.kinds() == ["problem", "document.applied"]
    health = read_health(stage.project)
    assert health is not None
    assert health.problems == {"server": "the server ended before it was ready"}
    stage.supervisor.breaks = False
    stage.loop.tick()
    assert stage.kinds()[-1] == "recovered"
    health = read_health(stage.project)
    assert health is not None
    assert health.problems == {}


@pytest.mark.promise("loop.renews")
def test_an_alert_starts_one_run_and_its_end_is_written(stage: Stage) -> None:
    _raise_alert(stage.project)
    for _ in range(3):
        stage.loop.tick()
    assert [firing.trigger for firing in stage.retraining.started] == ["quality"]
    stage.retraining.end = RunEnd(succeeded=True, result={"run_id": "r1", "verdict": "pass"})
    stage.loop.tick()
    assert open_firing(stage.project.database) is None
    with stage.project.database.read() as tx:
        rows = tx.fetch_all("SELECT outcome, run_id, alert_id FROM trigger_events ORDER BY id")
    assert [tuple(row) for row in rows] == [("started", None, 1), ("finished", "r1", None)]


def test_a_restart_in_the_middle_of_a_run_starts_no_second_one(stage: Stage) -> None:
    _raise_alert(stage.project)
    stage.loop.tick()
    stage.restart().tick()
    assert len(stage.retraining.started) == 1


def test_no_run_starts_while_the_last_answer_is_on_trial(stage: Stage) -> None:
    _propose(stage.project, 2)
    stage.loop.tick()
    _raise_alert(stage.project)
    stage.loop.tick()
    assert stage.retraining.started == []


def test_stopping_drains_the_server(stage: Stage) -> None:
    stage.loop.stop()
    assert stage.supervisor.stopped
