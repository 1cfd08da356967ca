from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from mlwright.lifecycle.retraining import Retraining, RunEnd
from mlwright.lifecycle.trigger import OpenFiring
from mlwright.project import Project
from tests.unit.deployment.versions import make_project

FIRING = OpenFiring(4, "quality", "monitor 'quality': missed 40 %")
BOUND_SECONDS = 20.0


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def _run(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def _wait(retraining: Retraining) -> RunEnd:
    until = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < until:
        if (end := retraining.look(FIRING)) is not None:
            return end
        threading.Event().wait(0.01)
    pytest.fail("the run did not end")


DONE = 'print(\'{"run_id": "r1", "reference": "fraud@4", "verdict": "pass"}\')'
WAITS = "import sys; sys.stdin = open('{gate}'); sys.stdin.read(); " + DONE


def test_a_run_that_passed_is_a_success_with_its_result(project: Project) -> None:
    retraining = Retraining(project, _run(DONE))
    retraining.start(FIRING)
    end = _wait(retraining)
    assert (end.succeeded, end.run_id, end.summary) == (True, "r1", "fraud@4: pass")


@pytest.mark.parametrize(("code", "succeeded"), [(3, True), (1, False), (2, False)])
def test_a_gate_that_said_no_is_a_success_and_an_error_is_not(
    project: Project, code: int, succeeded: bool
) -> None:
    retraining = Retraining(project, _run(f"import sys; {DONE}; sys.exit({code})"))
    retraining.start(FIRING)
    assert _wait(retraining).succeeded is succeeded


def test_a_run_that_dies_without_a_word_has_failed(project: Project) -> None:
    retraining = Retraining(project, _run("import os; os._exit(9)"))
    retraining.start(FIRING)
    end = _wait(retraining)
    assert not end.succeeded
    assert "exit code 9" in end.summary


def test_the_reason_and_the_project_are_handed_on(project: Project) -> None:
    code = "import json, sys; print(json.dumps({'verdict': sys.argv[1:]}))"
    retraining = Retraining(project, _run(code))
    retraining.start(FIRING)
    arguments = str(_wait(retraining).result["verdict"])
    assert "trigger 'quality'" in arguments
    assert str(project.root) in arguments


def test_a_new_supervisor_waits_for_the_run_that_a_killed_one_started(
    project: Project, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = Retraining(project, _run(WAITS.replace("{gate}", str(gate))))
    first.start(FIRING)
    second = Retraining(project, _run("raise SystemExit('started twice')"))
    assert second.look(FIRING) is None  # the first one's run goes on
    gate.open("w").close()
    end = _wait(second)
    assert (end.succeeded, end.summary) == (True, "fraud@4: pass")
    assert first._child is not None
    first._child.wait(BOUND_SECONDS)


def test_a_run_that_was_lost_is_started_again(project: Project) -> None:
    retraining = Retraining(project, _run(DONE))
    assert retraining.look(FIRING) is None  # the journal has it open, no process and no result exist
    assert _wait(retraining).succeeded


def test_stopping_ends_the_run_and_leaves_it_to_be_resumed(project: Project, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = Retraining(project, _run(WAITS.replace("{gate}", str(gate))))
    first.start(FIRING)
    first.stop()
    second = Retraining(project, _run(DONE))
    assert second.look(FIRING) is None
    assert _wait(second).succeeded
