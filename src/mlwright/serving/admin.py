"""Talk to the admin listener of a running server.

`http.client` brings `ssl` and `email`, a quarter of what a server may hold: asking imports it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlwright.errors import ServerError

if TYPE_CHECKING:
    import socket

TIMEOUT_SECONDS = 30.0  # a reload loads and self-tests packages before it answers


@dataclass(frozen=True)
class Reload:
    """How the server took the newest deployment document."""

    is_applied: bool
    epoch: int
    problem: str | None = None


@dataclass(frozen=True)
class AdminClient:
    """Asks one server; each call is a connection of its own. Raises `ServerError` when nobody answers.

    The sockets of a server can outlive it: where `pid` is given, nobody waits for a process that has ended.
    """

    port: int
    token: str = field(repr=False)
    host: str = "127.0.0.1"
    pid: int | None = None

    def status(self) -> dict[str, object]:
        """Ask what the server serves and how it is."""
        return self._ask("GET", "/admin/status", timeout=2.0)[1]

    def reload(self) -> Reload:
        """Make the server read its deployment document now and wait until it serves it or refuses it."""
        status, body = self._ask("POST", "/admin/reload", timeout=TIMEOUT_SECONDS)
        return read_reload(status, body)

    def _ask(self, method: str, path: str, *, timeout: float) -> tuple[int, dict[str, object]]:
        import http.client

        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, headers={"authorization": f"Bearer {self.token}"})
            self._wait_for_answer(connection.sock, timeout)
            answer = connection.getresponse()
            body = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as cause:
            raise ServerError(
                f"the server's admin listener on port {self.port} does not answer",
                hint="look at .mlwright/run/server.log; `mlwright up` starts a server",
                port=self.port,
            ) from cause
        finally:
            connection.close()
        if answer.status in (401, 403) or not isinstance(body, dict):
            raise ServerError(
                f"what listens on port {self.port} is not this project's server",
                hint="stop it, or choose another port with --port",
                port=self.port,
            )
        return answer.status, body

    def _wait_for_answer(self, connection: socket.socket, seconds: float) -> None:
        import selectors

        with contextlib.ExitStack() as closing, selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            if self.pid is not None and hasattr(os, "pidfd_open"):
                process = os.pidfd_open(self.pid)  # becomes readable when the process ends
                closing.callback(os.close, process)
                selector.register(process, selectors.EVENT_READ)
            if not any(key.fileobj is connection for key, _ in selector.select(seconds)):
                raise ConnectionError("nobody answers")


def read_reload(status: int, body: dict[str, object]) -> Reload:
    """Read the answer to a reload."""
    epoch = body.get("epoch")
    problem = body.get("error")
    if isinstance(problem, dict):
        problem = f"{problem.get('code', '')}: {problem.get('message', '')}".strip(": ")
    return Reload(
        is_applied=status == 200 and problem is None,
        epoch=epoch if isinstance(epoch, int) else 0,
        problem=None if problem is None else str(problem),
    )
