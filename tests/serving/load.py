"""Callers over kept connections who count what fails: refused, reset, cut off, late, or not 200."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.serving.packages import body, row

CALLERS = 8
LATE_SECONDS = 10.0
REQUESTS_PER_CONNECTION = 200  # so that some connections are young and some old when something happens
HEAD = re.compile(
    rb"HTTP/1\.1 (\d+)[^\r]*\r\n(?:[^\r]+\r\n)*?content-length: (\d+)\r\n(?:[^\r]+\r\n)*?\r\n", re.I
)
ID = re.compile(rb'"id":"([0-9a-f]{26})"')


@dataclass
class Caller:
    """Asks again and again, one request at a time, and keeps the ids of the answers."""

    port: int
    token: str
    stop: threading.Event
    counts: Counter[str] = field(default_factory=Counter)
    ids: list[bytes] = field(default_factory=list)
    longest_gap: float = 0.0
    """Seconds between two good answers."""

    def run(self) -> None:
        """Ask until told to stop; never raise."""
        request = self._request()
        good_at = time.monotonic()
        while not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=LATE_SECONDS) as connection:
                    for _ in range(REQUESTS_PER_CONNECTION):
                        if self.stop.is_set():
                            break
                        connection.sendall(request)
                        is_last = self._read(connection)
                        self.longest_gap = max(self.longest_gap, time.monotonic() - good_at)
                        good_at = time.monotonic()
                        if is_last:
                            break
            except OSError as problem:
                self.counts["failed"] += 1
                self.counts[f"failed: {problem!r}"] += 1

    def _read(self, connection: socket.socket) -> bool:
        """Take one answer; tell whether the server ends the connection after it."""
        received = b""
        while True:
            head = HEAD.match(received)
            if head is not None and len(received) >= head.end() + int(head[2]):
                break
            piece = connection.recv(65_536)
            if not piece:
                raise ConnectionError(f"cut off after {received[:100]!r}")
            received += piece
        found = ID.search(received, head.end())
        if head[1] != b"200" or found is None:
            raise ConnectionError(f"answered {received[:300]!r}")
        self.ids.append(found[1])
        self.counts["ok"] += 1
        return b"connection: close" in head[0].lower()

    def _request(self) -> bytes:
        content = body(row(50))
        return (
            f"POST /v1/predict/production HTTP/1.1\r\nhost: localhost\r\n"
            f"authorization: Bearer {self.token}\r\ncontent-length: {len(content)}\r\n\r\n"
        ).encode() + content


class Load:
    """Callers in threads of their own, from `__enter__` until `__exit__`."""

    def __init__(self, port: int, token: str, callers: int = CALLERS) -> None:
        self._stop = threading.Event()
        self._callers = [Caller(port, token, self._stop) for _ in range(callers)]
        self._threads = [threading.Thread(target=caller.run) for caller in self._callers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def counts(self) -> Counter[str]:
        """Give the counts of all callers so far."""
        return sum((caller.counts.copy() for caller in self._callers), Counter[str]())

    @property
    def ids(self) -> set[str]:
        """Give the ids of all answers so far."""
        return {name.decode() for caller in self._callers for name in caller.ids}

    @property
    def longest_gap(self) -> float:
        """Give the longest time that any caller had no good answer, in seconds."""
        return max(caller.longest_gap for caller in self._callers)
