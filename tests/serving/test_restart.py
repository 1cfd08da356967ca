"""Restart and crash under load: callers connect to sockets that outlive the server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from mlwright.commands.restart import RestartRequest, restart
from mlwright.deployment import publish, target_of
from mlwright.errors import ServerError
from mlwright.lifecycle.supervision import Supervisor
from mlwright.project import Project
from mlwright.serving import Listeners, read_token
from tests.serving.conftest import server_config, wait_for
from tests.serving.load import Load
from tests.serving.packages import row
from tests.serving.running import Running

RESTARTS = 4
CALLERS = 4


def _load(running: Running) -> Load:
    token = read_token(running.project.run_folder / "token")
    return Load(running.server().port, token or "", CALLERS)


@pytest.fixture
def running(project: Project) -> Iterator[Running]:
    started = Running.start(project)
    yield started
    started.stop()


@pytest.mark.promise("serve.restart")
def test_a_restart_under_load_fails_no_request(running: Running) -> None:
    pids = [running.server().pid]
    with _load(running) as load:
        for number in range(RESTARTS):
            wait_for(lambda least=500 * (number + 1): load.counts["ok"] >= least, "requests are answered")
            pids.append(restart(RestartRequest(running.project.root)).pid)
        least = load.counts["ok"] + 500
        wait_for(lambda: load.counts["ok"] >= least, "the last server answers")
    assert load.counts["failed"] == 0, load.counts
    assert len(set(pids)) == RESTARTS + 1
    assert running.server().pid == pids[-1]


@pytest.mark.promise("serve.restart")
def test_a_server_that_cannot_serve_does_not_take_the_place_of_one_that_does(running: Running) -> None:
    project = running.project
    before = running.server()
    document = project.run_folder / "deployments.json"
    good = document.read_bytes()
    document.write_bytes(good.replace(b'"digest":"', b'"digest":"0'))
    os.kill(running.process.pid, signal.SIGHUP)
    running.wait("problem")
    document.write_bytes(good)
    assert running.server().pid == before.pid
    with running.client() as client:
        assert client.predict(row(50))


@pytest.mark.promise("serve.crash")
def test_a_killed_server_costs_only_the_requests_in_flight(running: Running) -> None:
    kills = 3
    with _load(running) as load:
        for number in range(kills):
            wait_for(lambda least=300 * (number + 1): load.counts["ok"] >= least, "requests are answered")
            before = running.server().pid
            os.kill(before, signal.SIGKILL)
            wait_for(lambda dead=before: running.server().pid != dead, "the next server")
        least = load.counts["ok"] + 300
        wait_for(lambda: load.counts["ok"] >= least, "the last server answers")
    assert load.counts["failed"] <= kills * CALLERS, load.counts


@pytest.mark.promise("serve.crash")
def test_callers_wait_through_a_failed_start_but_not_for_ever(project: Project) -> None:
    supervisor = Supervisor(project, server_config(project), started="now")
    publish(project, target_of(project), actor="test", reason="start")
    process = supervisor.keep_alive()
    assert process is not None
    port, log = process.server.port, project.log
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not process.is_alive(), "the server is dead")
    log.rename(log.with_name("kept"))
    log.write_text("a file where the folder of the log has to be")
    for failure in (1, 2, 3):
        wait_for(lambda failure=failure: _fails(supervisor, failure), "a failed start")  # type: ignore[misc]
        with socket.socket() as caller:
            assert (caller.connect_ex(("127.0.0.1", port)) == 0) is (failure < 3)
    log.unlink()
    log.with_name("kept").rename(log)
    wait_for(supervisor.keep_alive, "the server is back")
    assert supervisor.process is not None
    assert supervisor.process.server.port == port
    supervisor.stop()


def _fails(supervisor: Supervisor, times: int) -> bool:
    with contextlib.suppress(ServerError):
        supervisor.keep_alive()
    return supervisor.failures == times


def test_restart_without_up_says_how_to_start_it(project: Project) -> None:
    with pytest.raises(ServerError, match="no `mlwright up` runs"):
        restart(RestartRequest(project.root))


def test_an_address_that_is_taken_is_told(project: Project) -> None:
    config = server_config(project)
    first = Listeners.open(config)
    with pytest.raises(ServerError, match="cannot listen"):
        Listeners.open(first.configure(config))
    first.close()
