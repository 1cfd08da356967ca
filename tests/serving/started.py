"""A server process behind a command of the test's own: with few descriptors, or on a disk of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from mlwright.serving import ServerConfig, ServerProcess, wait_until_ready
from mlwright.serving.server import ENTRY


class StartedServer:
    """Runs a server as the last arguments of a command that replaces itself by it, from `__enter__` on."""

    def __init__(self, config: ServerConfig, command: Sequence[str]) -> None:
        self._config = config
        self._command = command

    def __enter__(self) -> Self:
        written = self._config.server_file.parent / "server-config.json"
        written.write_text(self._config.to_json(), encoding="utf-8")
        run = [*self._command, sys.executable, "-P", "-c", ENTRY, str(written)]
        with (written.parent / "server.log").open("wb") as output:
            child = subprocess.Popen(run, stdout=output, stderr=output)
        try:
            server = wait_until_ready(self._config, child.pid, is_running=lambda: child.poll() is None)
        except BaseException:
            child.kill()
            child.wait()
            raise
        self.process = ServerProcess(server, child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()
