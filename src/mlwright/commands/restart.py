"""Put a new server process in the place of the one that `mlwright up` runs, without losing a request."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mlwright.errors import ServerError
from mlwright.lifecycle.supervision import UpFile, read_up_file
from mlwright.project import find_project
from mlwright.serving import is_alive

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class RestartRequest:
    """Whose server to restart."""

    project: Path


@dataclass(frozen=True)
class RestartResult:
    """Which process served before, and which serves now."""

    before_pid: int
    pid: int
    url: str


def restart(request: RestartRequest) -> RestartResult:
    """Ask the running `mlwright up` for a new server and wait until it serves.

    Raises `ServerError` when no `up` runs, or when the new server does not start; then the old one goes on.
    """
    project = find_project(request.project)
    before = read_up_file(project)
    if before is None or not is_alive(before.pid):
        raise ServerError("no `mlwright up` runs in this project", hint="start it: `mlwright up`")
    os.kill(before.pid, signal.SIGHUP)
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        now: UpFile | None = read_up_file(project)
        if now is not None and now.server_pid != before.server_pid:
            return RestartResult(before.server_pid, now.server_pid, now.url)
        time.sleep(POLL_SECONDS)
    raise ServerError(
        f"no new server within {WAIT_SECONDS:.0f} s; process {before.server_pid} goes on serving",
        hint="the output of `mlwright up` and .mlwright/run/server.log say why",
        pid=before.server_pid,
    )
