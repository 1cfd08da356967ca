"""One connection that sends bytes as they are and reads answers by the letter of RFC 9112."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

BOUND_SECONDS = 10.0
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[ \r]")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.I)


class Lost(Exception):
    """The connection ended without an answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    @property
    def is_last(self) -> bool:
        """Tell whether the server says that it ends the connection."""
        return b"\r\nconnection: close" in self.head.lower()


class Connection:
    """Sends and reads in turn; what the server sent too much stays and fails the next answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=BOUND_SECONDS)
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, sent: bytes, *, is_cut: bool = False) -> Answer:
        """Send bytes, then read one answer.

        Raises `Lost`.
        """
        try:
            self._socket.sendall(sent)
            if is_cut:
                self._socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may have answered before it had all
        while (answer := self._next()) is None:
            self._receive()
        return answer

    def is_ended(self) -> bool:
        """Tell whether the server ends the connection and says nothing more."""
        try:
            return self._received == b"" and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _next(self) -> Answer | None:
        """Take an answer if it is complete; `100 Continue` is none."""
        head, gap, rest = self._received.partition(b"\r\n\r\n")
        if not gap:
            return None
        status = STATUS.match(head)
        assert status is not None, self._received[:200]
        if status[1] == b"100":
            self._received = rest
            return self._next()
        length = LENGTH.search(head + gap)
        assert length is not None, head
        if len(rest) < int(length[1]):
            return None
        self._received = rest[int(length[1]) :]
        return Answer(int(status[1]), head, rest[: int(length[1])])

    def _receive(self) -> None:
        try:
            piece = self._socket.recv(262_144)
        except ConnectionResetError as cause:
            raise Lost from cause
        if not piece:
            raise Lost(self._received[:200])
        self._received += piece
