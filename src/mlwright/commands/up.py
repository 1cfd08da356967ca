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
    with _signals() as signals:
        try:
            loop.begin()
            while not signals.wait(0.0):
                if signals.take_restart():
                    loop.restart()
                loop.tick()
                signals.wait(project.config.serving.tick_seconds)
            report(LoopEvent("stopping", "draining the server"))
        finally:
            loop.stop()
    report(LoopEvent("stopped", "stopped"))
    return UpResult(started, now_text())


class _Signals:
    """Waits on a pipe that the signal handler writes to: no signal is lost between looking and waiting.

    SIGTERM and Ctrl-C end, SIGHUP restarts the server, and a server that dies ends the waiting at once.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_stopping = False
        self._is_restarting = False

    def wait(self, seconds: float) -> bool:
        """Wait for a signal; tell whether the end is asked for."""
        if not self._is_stopping and select.select([self._descriptor], [], [], seconds)[0]:
            asked = os.read(self._descriptor, 1024)
            self._is_stopping = any(number in asked for number in (signal.SIGINT, signal.SIGTERM))
            self._is_restarting |= signal.SIGHUP in asked
        return self._is_stopping

    def take_restart(self) -> bool:
        """Tell once whether a restart is asked for."""
        asked, self._is_restarting = self._is_restarting, False
        return asked


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes the reader as well
            os.write(writer, bytes([number]))

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield _Signals(reader)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
