"""The control loop with a real server and real traffic."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from mlwright.commands.monitor import MonitorRequest, monitor
from mlwright.commands.rollback import RollbackRequest, rollback
from mlwright.commands.server_settings import Listening
from mlwright.commands.status import StatusRequest, status
from mlwright.commands.up import UpRequest, up
from mlwright.deployment import rollout_events, rollouts
from mlwright.errors import AlreadyUp, ServerError
from mlwright.monitoring import standing_alerts
from mlwright.project import Project
from mlwright.registry import Registry
from mlwright.serving.server import is_alive
from mlwright.store import verify_audit
from tests.serving.conftest import wait_for
from tests.serving.packages import row
from tests.serving.running import Running


@pytest.fixture
def running(project: Project) -> Iterator[Running]:
    started = Running.start(project)
    yield started
    if started.process.poll() is None:
        started.stop()


def _propose(project: Project, number: int) -> None:
    Registry(project.database).move_alias("fraud", "candidate", number, actor="run", reason="passed")


def _champion(project: Project) -> int:
    version = Registry(project.database).alias("fraud", "champion")
    assert version is not None
    return version.number


def _above(limit: float) -> Callable[[float], int]:
    return lambda amount: int(amount > limit)


@pytest.mark.promise("loop.renews", "loop.status")
def test_a_better_candidate_becomes_champion_on_real_traffic(running: Running) -> None:
    project = running.project
    _propose(project, 2)
    running.wait("rollout.start")
    running.drive(_above(10), lambda: _champion(project) == 2)
    (rollout,) = rollouts(project.database)
    assert rollout.outcome == "promoted"
    evidence = rollout_events(project.database, rollout.id)[-1].evidence
    assert evidence["labels"]["candidate"] >= 20  # type: ignore[index]
    assert verify_audit(project.database) is None
    wait_for(lambda: _answers_of(running) == {"2"}, "version 2 answers alone")
    found = status(StatusRequest(project.root))
    assert found.is_ready
    assert found.up is not None
    (deployment,) = found.deployments
    (live,) = deployment.variants
    assert (live.reference, live.share, live.by) == ("fraud@2", 1.0, "up")
    assert deployment.way_back is not None
    assert deployment.way_back.to_version == "fraud@1"


@pytest.mark.promise("loop.rolls-back")
def test_a_harmful_candidate_is_rolled_back_on_label_evidence(running: Running) -> None:
    project = running.project
    _propose(project, 2)
    running.wait("rollout.start")
    running.drive(_above(100), lambda: running.has("rollout.roll-back"))
    (rollout,) = rollouts(project.database)
    assert (rollout.outcome, _champion(project)) == ("rolled-back", 1)
    last = rollout_events(project.database, rollout.id)[-1]
    assert "gate 'labels'" in last.reason
    wait_for(lambda: _answers_of(running) == {"1"}, "version 1 answers alone")


@pytest.mark.promise("monitor.quality")
def test_a_model_that_went_bad_raises_an_alert(running: Running) -> None:
    project = running.project
    running.drive(_above(20), lambda: bool(standing_alerts(project.database)))
    (alert,) = standing_alerts(project.database, "production")
    assert (alert.monitor, alert.severity, alert.version) == ("quality", "page", 1)
    assert "missed positives" in alert.summary
    for seed in (2, 3, 4):
        running.drive(_above(20), lambda: True, seed=seed)
    found = monitor(MonitorRequest(project.root))
    assert [judgement.verdict for judgement in found.judgements] == ["fail"]
    assert found.labelled == found.served
    assert 0 < found.metrics["recall"] < 0.8


@pytest.mark.promise("loop.second-up")
def test_a_second_up_says_who_runs_it(running: Running) -> None:
    with pytest.raises(AlreadyUp, match=str(running.process.pid)):
        up(UpRequest(running.project.root), lambda event: None)


def test_a_killed_server_is_back_on_the_same_port(running: Running) -> None:
    before = running.server()
    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(before.pid) or running.server().pid != before.pid, "the server is dead")
    wait_for(lambda: running.server().pid != before.pid, "another server")
    assert running.server().port == before.port
    with running.client() as client:
        assert client.predict(row(150))[0]["prediction"] == 1


def test_a_killed_up_leaves_the_server_serving_and_the_next_goes_on(running: Running) -> None:
    project = running.project
    _propose(project, 2)
    running.wait("rollout.start")
    before = running.server()
    running.process.kill()
    running.process.wait(30)
    with running.client() as client:
        assert client.predict(row(150))[0]["prediction"] == 1
    again = Running.start(project)
    try:
        assert again.server().pid == before.pid
        again.drive(_above(10), lambda: _champion(project) == 2)
        assert len(rollouts(project.database)) == 1
    finally:
        assert again.stop() == 0


@pytest.mark.promise("loop.rollback")
def test_a_rollback_during_a_trial_is_final(running: Running) -> None:
    project = running.project
    _propose(project, 2)
    running.wait("rollout.start")
    done = rollback(RollbackRequest(project.root, reason="it hurts"))
    assert (done.is_live, done.ended_rollout) == (True, 1)
    assert _answers_of(running) == {"1"}
    running.drive(_above(10), lambda: True)
    assert _answers_of(running) == {"1"}
    assert [rollout.outcome for rollout in rollouts(project.database)] == ["rolled-back"]


def test_killing_up_again_and_again_only_delays_the_outcome(project: Project) -> None:
    for attempt in range(6):
        running = Running.start(project)
        if attempt == 0:
            _propose(project, 2)
            running.wait("rollout.start")
        if _champion(project) == 1:
            running.drive(_above(10), lambda: True, seed=attempt)
        running.process.kill()
        running.process.wait(30)
    running = Running.start(project)
    try:
        running.drive(_above(10), lambda: _champion(project) == 2)
        (rollout,) = rollouts(project.database)
        assert rollout.outcome == "promoted"
        assert [event.kind for event in rollout_events(project.database, rollout.id)].count("promoted") == 1
        assert verify_audit(project.database) is None
        wait_for(lambda: _answers_of(running) == {"2"}, "version 2 answers alone")
    finally:
        running.stop()


def test_a_port_that_is_taken_is_told_at_once(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        request = UpRequest(project.root, Listening(port=taken.getsockname()[1]))
        with pytest.raises(ServerError, match="in use"):
            up(request, lambda event: None)
    assert not (project.run_folder / "up.json").exists()


def test_stopping_drains_and_leaves_nothing_behind(running: Running) -> None:
    server = running.server()
    assert running.stop() == 0
    assert not is_alive(server.pid)
    assert [event["kind"] for event in running.events()][-2:] == ["stopping", "stopped"]
    found = status(StatusRequest(running.project.root))
    assert (found.up, found.server, found.is_ready) == (None, None, False)
    Running.start(running.project).stop()


def _answers_of(running: Running) -> set[str]:
    with running.client() as client:
        return {str(client.predict(row(50), unit=f"u{n}")[0]["version"]) for n in range(30)}
