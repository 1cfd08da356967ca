"""Many mutated requests over several connections at once, and what came back."""

from __future__ import annotations

import contextlib
import errno
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.serving.fuzzing.mutation import Mutator

HANG_SECONDS = 2.0
ENDED = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)
CONNECTIONS = 16
SHARE_OF_WIRE = 0.25  # requests whose head is mutated too
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.I)


@dataclass(frozen=True)
class Template:
    """A request that is right."""

    port: int
    method: str
    path: str
    token: str
    body: bytes = b""
    header: str = ""

    def write(self, body: bytes) -> bytes:
        """Write it with a body, whose length is told right."""
        more = self.header or "content-type: application/json"
        return (
            f"{self.method} {self.path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self.token}\r\n"
            f"{more}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass
class Caller:
    """Sends its share of the requests and counts what comes back."""

    templates: Sequence[Template]
    rng: random.Random
    requests: int
    may_refuse: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    early_refusals: int = 0
    _open: dict[int, socket.socket] = field(default_factory=dict)

    def run(self) -> None:
        """Send all; never raise."""
        bodies = Mutator(self.rng, [template.body for template in self.templates if template.body])
        whole = Mutator(self.rng, [template.write(template.body) for template in self.templates])
        for _ in range(self.requests):
            template = self.rng.choice(self.templates)
            if self.rng.random() < SHARE_OF_WIRE or not template.body:
                self._send(template.port, whole.mutate(template.write(template.body)), is_cut=True)
            else:
                self._send(template.port, template.write(bodies.mutate(template.body)), is_cut=False)
        for connection in self._open.values():
            connection.close()

    def _send(self, port: int, sent: bytes, *, is_cut: bool) -> None:
        connection = None if is_cut else self._open.pop(port, None)
        with contextlib.ExitStack() as closing:
            try:
                connection = connection or socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS)
                closing.callback(connection.close)
                received, is_kept = _exchange(connection, sent, is_cut=is_cut)
            except OSError as problem:
                self.failures.append(f"{problem!r} after {sent[:400]!r}")
                return
            self._count(received, sent, is_cut=is_cut)
            if is_kept:
                self._open[port] = connection
                closing.pop_all()

    def _count(self, received: bytes, sent: bytes, *, is_cut: bool) -> None:
        status = _status(received)
        self.counts[str(status)] += 1
        is_refusal = status == 503 and self.may_refuse
        # Refusals of what never became a request bear no date.
        self.early_refusals += is_refusal and b"\r\ndate:" not in received.lower()
        if (status >= 500 and not is_refusal) or (status == 0 and not is_cut):
            self.failures.append(f"status {status} after {sent[:400]!r}")


def _exchange(connection: socket.socket, sent: bytes, *, is_cut: bool) -> tuple[bytes, bool]:
    """Give the answer, nothing without one, and whether the connection can be used again."""
    try:
        connection.sendall(sent)
        if is_cut:
            connection.shutdown(socket.SHUT_WR)
    except OSError as problem:
        if problem.errno not in ENDED:
            raise
        # Refused before all of it was sent: the answer, if any, is there.
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
            head, gap, rest = received.partition(b"\r\n\r\n")
            length = LENGTH.search(head + gap) if gap else None
            if not is_cut and length is not None and len(rest) >= int(length[1]):
                return received, b"\r\nconnection: close" not in head.lower()
    except ConnectionResetError:
        pass
    return received, False


def _status(received: bytes) -> int:
    """Give the status, 0 without an answer."""
    found = STATUS.match(received)
    return 0 if found is None else int(found[1])


def run_campaign(
    templates: Sequence[Template], requests: int, seed: int, *, may_refuse: bool = False
) -> tuple[Counter[str], list[str]]:
    """Send so many mutated requests; give the statuses and what went wrong.

    Where the server may refuse, the statuses have the number of early refusals too.
    """
    callers = [
        Caller(templates, random.Random(f"{seed}-{number}"), requests // CONNECTIONS, may_refuse)
        for number in range(CONNECTIONS)
    ]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = sum((caller.counts for caller in callers), Counter[str]())
    if may_refuse:
        counts["early"] = sum(caller.early_refusals for caller in callers)
    return counts, [failure for caller in callers for failure in caller.failures]
