"""Restart and crash under load: callers connect to sockets that outlive the server."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from mlwright.commands.restart import RestartRequest, restart
from mlwright.deployment import publish, target_of
from mlwright.errors import ServerError
from mlwright.lifecycle.supervision import Supervisor
from mlwright.project import Project
from mlwright.serving import Listeners, read_token
from tests.serving.client import Client
from tests.serving.conftest import server_config, wait_for
from tests.serving.packages import row
from tests.serving.running import Running

RESTARTS = 4
CALLERS = 4


class Load:
    """Callers that keep their connection, and callers that open one for each request."""

    def __init__(self, running: Running) -> None:
        self.counts: Counter[str] = Counter()
        self.first_problem = ""
        self._running = running
        self._port = running.server().port
        self._token = read_token(running.project.run_folder / "token")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(place,)) for place in range(CALLERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, place: int) -> None:
        requests = 1 if place % 2 else 1_000
        while not self._stop.is_set():
            with Client(self._port, self._token) as client:
                for _ in range(requests):
                    if self._stop.is_set() or not self._ask(client):
                        break

    def _ask(self, client: Client) -> bool:
        try:
            client.predict(row(50))
        except (OSError, http.client.HTTPException, AssertionError) as problem:
            self.counts["failed"] += 1
            self.first_problem = self.first_problem or repr(problem)
            return False
        self.counts["ok"] += 1
        return True


@pytest.fixture
def running(project: Project) -> Iterator[Running]:
    started = Running.start(project)
    yield started
    started.stop()


@pytest.mark.promise("serve.restart")
def test_a_restart_under_load_fails_no_request(running: Running) -> None:
    pids = [running.server().pid]
    with Load(running) as load:
        for number in range(RESTARTS):
            wait_for(lambda least=500 * (number + 1): load.counts["ok"] >= least, "requests are answered")
            pids.append(restart(RestartRequest(running.project.root)).pid)
        least = load.counts["ok"] + 500
        wait_for(lambda: load.counts["ok"] >= least, "the last server answers")
    assert load.counts["failed"] == 0, load.first_problem
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
    with Load(running) as load:
        for number in range(kills):
            wait_for(lambda least=300 * (number + 1): load.counts["ok"] >= least, "requests are answered")
            before = running.server().pid
            os.kill(before, signal.SIGKILL)
            wait_for(lambda dead=before: running.server().pid != dead, "the next server")
        least = load.counts["ok"] + 300
        wait_for(lambda: load.counts["ok"] >= least, "the last server answers")
    assert load.counts["failed"] <= kills * CALLERS, load.first_problem


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
