"""Callers who send a byte at a time, more of them than there are descriptors: no health probe is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from mlwright.deployment import publish, target_of
from mlwright.serving import read_token
from tests.serving.conftest import Stage, make_project, server_config
from tests.serving.packages import row
from tests.serving.started import StartedServer

DESCRIPTORS = 256
SLOW = DESCRIPTORS * 3 // 2
PROBES = 100
PAUSE_SECONDS = 0.05  # between two probes, and between two bytes of all slow callers
PROBE_SECONDS = 2.0


class SlowCallers:
    """Keeps so many connections open, each of which sends `head` and then a byte now and again.

    One that the server ends is opened again at once.
    """

    def __init__(self, port: int, head: bytes, count: int = SLOW) -> None:
        self.opened = 0
        self._port = port
        self._head = head
        self._stop = threading.Event()
        self._connections: list[socket.socket | None] = [None] * count
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for connection in self._connections:
            if connection is not None:
                connection.close()

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            self._connections = [self._keep(connection) for connection in self._connections]

    def _keep(self, connection: socket.socket | None) -> socket.socket | None:
        """Send one more byte, or open the connection again."""
        try:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=PROBE_SECONDS)
                connection.setblocking(False)
                connection.send(self._head)
                self.opened += 1
            else:
                connection.send(b"x")
        except OSError:
            if connection is not None:
                connection.close()
            return None
        return connection


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A server that may open few files."""
    project = make_project(tmp_path / "project")
    publish(project, target_of(project), actor="test", reason="start")
    with StartedServer(
        server_config(project), ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh"]
    ) as started:
        yield Stage(project, started.process)


def probe(port: int) -> str:
    """Ask for the server's health on a new connection."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PROBE_SECONDS) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    except OSError as problem:
        return repr(problem)
    return "answered" if answer.startswith(b"HTTP/1.1 200") else f"wrong: {answer[:100]!r}"


def check_probes(stage: Stage, head: bytes, probes: int) -> None:
    server = stage.server.server
    with SlowCallers(server.port, head) as slow:
        outcomes: Counter[str] = Counter()
        for _ in range(probes):
            time.sleep(PAUSE_SECONDS)
            outcomes[probe(server.port)] += 1
        assert slow.opened > SLOW  # they came back, again and again
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < DESCRIPTORS
        assert outcomes == {"answered": probes}
        with stage.client() as client:
            assert client.predict(row(150))[0]["prediction"] == 1


HEAD = b"POST /v1/predict/production HTTP/1.1\r\nhost: localhost\r\n"


def _body_head(stage: Stage) -> bytes:
    token = read_token(stage.project.run_folder / "token")
    return HEAD + f"authorization: Bearer {token}\r\ncontent-length: 100000\r\n\r\n".encode()


@pytest.mark.promise("serve.slow-clients")
def test_slow_heads_beyond_the_descriptors_lose_no_probe(stage: Stage) -> None:
    check_probes(stage, HEAD + b"x-slow: ", PROBES)


@pytest.mark.promise("serve.slow-clients")
def test_slow_bodies_beyond_the_descriptors_lose_no_probe(stage: Stage) -> None:
    check_probes(stage, _body_head(stage), PROBES)


@pytest.mark.slow
@pytest.mark.promise("serve.slow-clients")
def test_a_minute_of_slow_callers_loses_no_probe(stage: Stage) -> None:
    check_probes(stage, HEAD + b"x-slow: ", 600)
    check_probes(stage, _body_head(stage), 600)
