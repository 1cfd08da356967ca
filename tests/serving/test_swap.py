"""Swap and rollback under load: no request fails, no answer mixes two versions."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest

from mlwright.commands.rollback import RollbackRequest, rollback
from mlwright.errors import PackageCorrupt, ServerRefused
from mlwright.registry import Registry
from tests.serving.conftest import Stage, wait_for
from tests.serving.packages import add_version, body, corrupt, row

REQUESTS = 100_000
SWAPS = 20  # at least, however fast the machine answers
CALLERS = 4
PIPELINED = 25
ANSWER = re.compile(
    rb"HTTP/1\.1 (\d+)[^\r]*\r\n(?:[^\r]+\r\n)*?content-length: (\d+)\r\n(?:[^\r]+\r\n)*?\r\n", re.I
)
FACTS = re.compile(rb'"prediction":(\d).*?"version":"?(\d+)')
RIGHT = {b"1": b"0", b"2": b"1"}  # what each version says of amount = 50


@dataclass
class Caller:
    """Sends requests over one kept connection, several before reading, and keeps count of the answers."""

    port: int
    token: str
    stop: threading.Event
    counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        request = self._request()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                while not self.stop.is_set():
                    connection.sendall(request * PIPELINED)
                    self._read(connection)
        except OSError as problem:
            self.counts[f"lost: {problem}"] += 1

    def _read(self, connection: socket.socket) -> None:
        received, answered = b"", 0
        while answered < PIPELINED:
            head = ANSWER.match(received)
            if head is None or len(received) < head.end() + int(head[2]):
                piece = connection.recv(262_144)
                if not piece:
                    raise OSError("closed")
                received += piece
                continue
            end = head.end() + int(head[2])
            self._judge(head[1], received[head.end() : end])
            received = received[end:]
            answered += 1

    def _judge(self, status: bytes, content: bytes) -> None:
        facts = FACTS.search(content)
        if status != b"200" or facts is None:
            self.counts[f"failed: {status.decode()} {content[:80]!r}"] += 1
        elif RIGHT[facts[2]] != facts[1]:
            self.counts["mixed"] += 1
        else:
            self.counts["ok"] += 1
            self.counts[f"version {facts[2].decode()}"] += 1

    def _request(self) -> bytes:
        content = body(row(50))
        return (
            f"POST /v1/predict/production HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        ).encode() + content


class Load:
    """Callers in threads of their own, from `__enter__` until `stop`."""

    def __init__(self, stage: Stage) -> None:
        with stage.client() as client:
            token = client.token or ""
        self._stop = threading.Event()
        self._callers = [Caller(stage.server.server.port, token, self._stop) for _ in range(CALLERS)]
        self._threads = [threading.Thread(target=caller.run) for caller in self._callers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answered(self) -> int:
        """Give the number of right answers so far; 0 callers left would make it stand still."""
        assert all(thread.is_alive() for thread in self._threads), self.stop()
        return sum(caller.counts["ok"] for caller in self._callers)

    def stop(self) -> Counter[str]:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return sum((caller.counts for caller in self._callers), Counter())


def _failures(counts: Counter[str]) -> dict[str, int]:
    return {key: n for key, n in counts.items() if key.split(":")[0] in ("failed", "lost", "mixed")}


def check_swaps(stage: Stage, requests: int, least_swaps: int) -> None:
    swaps = 0
    with Load(stage) as load:
        while load.answered() < requests or swaps < least_swaps:
            assert stage.make_champion(2 - swaps % 2).applied.is_applied
            swaps += 1
        counts = load.stop()
    assert _failures(counts) == {}
    assert counts["ok"] >= requests
    assert min(counts["version 1"], counts["version 2"]) > requests / 10


@pytest.mark.promise("serve.swap")
def test_swaps_under_load_fail_no_request(stage: Stage) -> None:
    check_swaps(stage, REQUESTS, SWAPS)


@pytest.mark.promise("loop.rollback", "serve.swap")
def test_a_rollback_under_load_fails_no_request_and_is_live_when_it_returns(stage: Stage) -> None:
    stage.make_champion(2)
    with Load(stage) as load:
        wait_for(lambda: load.answered() > 1_000, "load")
        done = rollback(RollbackRequest(stage.project.root, reason="it hurts"))
        with stage.client() as client:
            answers = [client.predict(row(50))[0] for _ in range(50)]
        wait_for(lambda: load.answered() > 20_000, "load after the rollback")
        counts = load.stop()
    assert (done.from_version, done.to_version, done.is_live) == ("fraud@2", "fraud@1", True)
    assert {(str(answer["version"]), answer["prediction"]) for answer in answers} == {("1", 0)}
    assert _failures(counts) == {}
    assert min(counts["version 1"], counts["version 2"]) > 0


@pytest.mark.promise("serve.corrupt")
def test_a_corrupt_package_is_refused_and_the_old_one_keeps_serving(stage: Stage) -> None:
    damaged = add_version(stage.project, limit=1)
    corrupt(stage.project, damaged)
    with pytest.raises(ServerRefused, match="keeps serving epoch 1"):
        stage.make_champion(damaged.number)
    with stage.client() as client:
        assert str(client.predict(row(50))[0]["version"]) == "1"
    rollback(RollbackRequest(stage.project.root, reason="damaged"))
    with stage.client() as client:
        assert str(client.predict(row(50))[0]["version"]) == "1"


def test_a_rollback_to_a_damaged_package_changes_nothing(stage: Stage) -> None:
    stage.make_champion(2)
    corrupt(stage.project, Registry(stage.project.database).resolve("fraud@1"))
    with pytest.raises(PackageCorrupt):
        rollback(RollbackRequest(stage.project.root, reason="it hurts"))
    with stage.client() as client:
        assert str(client.predict(row(50))[0]["version"]) == "2"
