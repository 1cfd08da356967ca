"""The same promises over many rounds: kills, restarts and swaps under load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from mlwright.commands.restart import RestartRequest, restart
from mlwright.lifecycle.supervision import read_up_file
from mlwright.monitoring import predictions
from mlwright.project import Project
from mlwright.serving import read_token
from tests.serving.conftest import Stage, wait_for
from tests.serving.load import CALLERS, Load
from tests.serving.running import Running
from tests.serving.test_swap import check_swaps

KILLS = 20
BACK_SECONDS = 1.0
RESTARTS = 40
RESTART_REQUESTS = 300_000
SWAPS = 100
SWAP_REQUESTS = 1_000_000


@pytest.fixture
def running(project: Project) -> Iterator[Running]:
    started = Running.start(project)
    yield started
    started.stop()


def load_of(running: Running) -> Load:
    return Load(running.server().port, read_token(running.project.run_folder / "token") or "")


def kill(running: Running, load: Load) -> int:
    """Kill the server and wait until the next one has answered; give how many requests failed."""
    before = load.counts
    dead = server_pid(running)
    os.kill(dead, signal.SIGKILL)
    wait_for(lambda: server_pid(running) != dead, "the next server")
    least = load.counts["ok"] + 100
    wait_for(lambda: load.counts["ok"] >= least, "the next server answers")
    return load.counts["failed"] - before["failed"]


def server_pid(running: Running) -> int:
    """Give the server that `up` has found ready."""
    found = read_up_file(running.project)
    assert found is not None
    return found.server_pid


@pytest.mark.promise("serve.crash", "log.kill")
def test_twenty_kills_cost_the_requests_in_flight_and_no_record(running: Running) -> None:
    with load_of(running) as load:
        wait_for(lambda: load.counts["ok"] >= 200, "load")
        failed = [kill(running, load) for _ in range(KILLS)]
    assert max(failed) <= CALLERS, load.counts
    assert load.longest_gap <= BACK_SECONDS
    assert load.ids <= set(predictions(running.project.log, "production")["id"])


@pytest.mark.slow
@pytest.mark.promise("serve.restart")
def test_forty_restarts_under_load_fail_no_request(running: Running) -> None:
    with load_of(running) as load:
        for number in range(RESTARTS):
            least = RESTART_REQUESTS * number // RESTARTS
            wait_for(lambda least=least: load.counts["ok"] >= least, "load", seconds=300)  # type: ignore[misc]
            restart(RestartRequest(running.project.root))
        wait_for(lambda: load.counts["ok"] >= RESTART_REQUESTS, "load", seconds=300)
    assert load.counts["failed"] == 0, load.counts
    assert load.ids <= set(predictions(running.project.log, "production")["id"])


@pytest.mark.slow
@pytest.mark.promise("serve.swap")
def test_a_hundred_swaps_fail_none_of_a_million_requests(stage: Stage) -> None:
    check_swaps(stage, SWAP_REQUESTS, SWAPS)
