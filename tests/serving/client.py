"""A caller of the server that keeps its connection and hides nothing."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

BOUND_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection to a server."""

    def __init__(self, port: int, token: str | None) -> None:
        self.port = port
        self.token = token
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None and "authorization" not in given:
            given["authorization"] = f"Bearer {self.token}"
        if body is not None and "content-type" not in given:
            given["content-type"] = "application/json"
        self._connection.request(method, path, body=body, headers=given)
        answer = self._connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())

    def predict(self, *rows: dict[str, object], unit: str | None = None, to: str = "production") -> Any:
        request: dict[str, object] = {"rows": list(rows)}
        if unit is not None:
            request["unit"] = unit
        answer = self.ask("POST", f"/v1/predict/{to}", json.dumps(request).encode())
        assert answer.status == 200, answer.body
        return answer.json()["predictions"]

    def tell(self, *feedback: dict[str, object]) -> Answer:
        return self.ask("POST", "/v1/feedback", json.dumps(feedback).encode())


def send_raw(port: int, data: bytes) -> bytes:
    """Send bytes as they are and read until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=BOUND_SECONDS) as connection:
        connection.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65_536)
            if not piece:
                break
            received += piece
        return received
