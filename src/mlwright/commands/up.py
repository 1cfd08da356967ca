"""Serve, watch, retrain, roll out and roll back, until asked to stop."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from mlwright.commands.server_settings import Listening, configure_server
from mlwright.deployment import document_path, publish, target_of
from mlwright.errors import AlreadyUp, Locked, ServerRefused
from mlwright.lifecycle.loop import ControlLoop, LoopEvent, Parts, Report
from mlwright.lifecycle.retraining import Retraining
from mlwright.lifecycle.supervision import Supervisor
from mlwright.project import Project, find_project
from mlwright.store import FileLock, now_text


@dataclass(frozen=True)
class UpRequest:
    """Which project to run, and where its server listens."""

    project: Path
    listening: Listening = field(default_factory=Listening)


@dataclass(frozen=True)
class UpResult:
    """How it ended."""

    started: str
    stopped: str


def up(request: UpRequest, report: Report) -> UpResult:
    """Run the server and the control loop until SIGTERM or Ctrl-C; `report` hears every event at once.

    Raises `AlreadyUp` with the process that runs it, `NothingToServe`, `BindRefused`, `ServerError`.
    """
    project = find_project(request.project)
    try:
        with FileLock(project.run_folder / "up.lock", purpose="`mlwright up`"):
            return _run(project, request.listening, report)
    except Locked as cause:
        raise AlreadyUp(cause.message, hint=cause.hint, **cause.facts) from cause


def _run(project: Project, listening: Listening, report: Report) -> UpResult:
    started = now_text()
    config = configure_server(
        project,
        listening,
        document=document_path(project),
        server_file=project.run_folder / "server.json",
    )
    with contextlib.suppress(ServerRefused):  # an orphaned server; the loop goes on with it
        publish(project, target_of(project), actor="up", reason="mlwright up")
    supervisor = Supervisor(project, config, started=started)
    parts = Parts(supervisor, target_of(project), Retraining(project))
    loop = ControlLoop(project, parts, report)
    with _stop_signal() as is_stopping:
        try:
            loop.begin()
            while not is_stopping(0.0):
                loop.tick()
                is_stopping(project.config.serving.tick_seconds)
            report(LoopEvent("stopping", "draining the server"))
        finally:
            loop.stop()
    report(LoopEvent("stopped", "stopped"))
    return UpResult(started, now_text())


class _Stopping:
    """Waits on a pipe that the signal handler writes to: no signal is lost between looking and waiting."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_asked = False

    def __call__(self, seconds: float) -> bool:
        if not self._is_asked:
            self._is_asked = bool(select.select([self._descriptor], [], [], seconds)[0])
        return self._is_asked


@contextlib.contextmanager
def _stop_signal() -> Iterator[_Stopping]:
    reader, writer = os.pipe()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        os.write(writer, b"x")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield _Stopping(reader)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
