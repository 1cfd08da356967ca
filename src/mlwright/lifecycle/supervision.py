"""Keep one server running: start it, find it again after a restart, restart it when it dies."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from mlwright._version import __version__
from mlwright.errors import MlwrightError, ServerError
from mlwright.project import Project
from mlwright.serving import Listeners, ServerConfig, ServerProcess, find_server
from mlwright.store import write_atomic

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 30.0
PATIENT_FAILURES = 2  # failed starts through which callers wait: their waits add up to less than a second


@dataclass(frozen=True)
class UpFile:
    """What a running `mlwright up` tells other processes of itself."""

    pid: int
    started: str
    url: str
    admin_port: int
    server_pid: int
    version: str


class Supervisor:
    """Owns the server process of one `mlwright up`."""

    def __init__(self, project: Project, config: ServerConfig, *, started: str) -> None:
        self.project = project
        self.config = config
        self.started = started
        self.failures = 0
        self._process: ServerProcess | None = None
        self._draining: list[ServerProcess] = []
        self._listeners: Listeners | None = None
        self._next_try = 0.0

    @property
    def process(self) -> ServerProcess | None:
        """Give the server, None while there is none."""
        return self._process

    def keep_alive(self) -> ServerProcess | None:
        """Start the server if it does not run; give it when it is a new one.

        Failed starts are counted and spaced out: `ServerError` is raised for each, nothing is done in
        between. Ports stay the same over restarts, so callers find the server again.
        """
        self._draining = [process for process in self._draining if process.is_alive()]
        if self._process is not None and self._process.is_alive():
            return None
        if time.monotonic() < self._next_try:
            return None
        self._process = None
        try:
            process = self._adopt() or self._start()
        except MlwrightError:
            wait = min(FIRST_WAIT_SECONDS * 2**self.failures, LONGEST_WAIT_SECONDS)
            self.failures += 1
            self._next_try = time.monotonic() + wait
            raise
        self.failures = 0
        return self._keep(process)

    def restart(self) -> ServerProcess:
        """Put a new server in the place of the one that runs; callers notice nothing.

        Both listen on the same sockets until the new one serves; then the old one ends what it has begun.
        Raises `ServerError` when the new one does not start: then the old one goes on. A server that an
        earlier supervisor started has sockets of its own and is stopped first.
        """
        before = self._process
        if before is not None and self._listeners is None:
            before.stop()
            before = None
        process = self._start(beside=before is not None and before.is_alive())
        if before is not None:
            before.ask_to_end()
            self._draining.append(before)
        return self._keep(process)

    def stop(self) -> None:
        """Drain and end the server."""
        for process in (self._process, *self._draining):
            if process is not None:
                process.stop()
        self._process, self._draining = None, []
        if self._listeners is not None:
            self._listeners.close()
            self._listeners = None
        up_path(self.project).unlink(missing_ok=True)

    def _start(self, *, beside: bool = False) -> ServerProcess:
        if self._listeners is None:
            self._listeners = Listeners.open(self.config)
        folder = self.project.run_folder
        try:
            return ServerProcess.start(self.config, folder=folder, listeners=self._listeners, beside=beside)
        except MlwrightError:
            # The first tries follow each other soon. Later, to be refused is better than to wait for nobody.
            if not beside and self.failures >= PATIENT_FAILURES:
                self._listeners.close()
                self._listeners = None
            raise

    def _keep(self, process: ServerProcess) -> ServerProcess:
        self._process = process
        server = process.server
        self.config = replace(
            self.config, port=server.port, admin_port=server.admin_port, grpc_port=server.grpc_port
        )
        self._write_up_file(process)
        return process

    def _adopt(self) -> ServerProcess | None:
        """Take over the server of a supervisor that was killed: it has been serving all along.

        Raises `ServerError` when another server, which is not ours to stop, serves this project.
        """
        server = find_server(self.config.server_file, self.config.admin_token)
        if server is None:
            return None
        before = read_up_file(self.project)
        process = ServerProcess(server, None)
        if before is None or before.server_pid != server.pid:
            raise ServerError(
                f"a server (process {server.pid}) serves this project already on port {server.port}",
                hint="stop that `mlwright serve` first",
                pid=server.pid,
            )
        if before.version == __version__ and self._runs_as_configured():
            return process
        process.stop()
        return None

    def _runs_as_configured(self) -> bool:
        try:
            text = (self.project.run_folder / "server-config.json").read_text(encoding="utf-8")
            found = json.loads(text)
        except (OSError, ValueError):
            return False
        wanted = json.loads(self.config.to_json())
        for own in ("inherited", "must_serve"):
            found.pop(own, None), wanted.pop(own)
        for port in ("port", "admin_port", "grpc_port"):
            if wanted[port] == 0:
                found[port] = 0
        return bool(found == wanted)

    def _write_up_file(self, process: ServerProcess) -> None:
        facts = UpFile(
            os.getpid(), self.started, process.server.url, process.server.admin_port, process.pid, __version__
        )
        write_atomic(up_path(self.project), json.dumps(facts.__dict__).encode())


def up_path(project: Project) -> Path:
    """Tell where a running `mlwright up` leaves its facts."""
    return project.run_folder / "up.json"


def read_up_file(project: Project) -> UpFile | None:
    """Read what the last `mlwright up` left; it may have been killed since."""
    try:
        return UpFile(**json.loads(up_path(project).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
