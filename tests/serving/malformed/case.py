"""A request as its bytes on the wire, and the only answer to it that is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

TOKEN = "a-token-for-the-corpus"
PREDICT = "/v1/predict/production"
INFER = "/v2/models/production/infer"
MATRIX = "/v2/models/matrix/infer"
TENSORFLOW = "/v1/models/production:predict"
CLASSIFY = "/v1/models/production:classify"
FEEDBACK = "/v1/feedback"
OK = 200

ROW = {"amount": 50.0, "kind": "a", "at": "2024-01-05T10:00:00", "customer_id": "c1"}


@dataclass(frozen=True)
class Case:
    """`code` is the stable code of a refusal; None for a good answer and for a refusal by HTTP alone."""

    name: str
    sent: bytes
    status: int
    """0 where the connection ends without an answer: the caller left before it had asked."""
    code: str | None = None
    says: bytes = b""
    """What stands in the body of the answer."""
    is_cut: bool = False
    """The caller closes its side after these bytes."""
    is_last: bool = False
    """The connection has to end after the answer: nobody can tell where the next request begins."""


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Write a request whose head is right."""
    return head("POST", path, f"content-length: {len(body)}", *(headers or (JSON,))) + body


def head(method: str, path: str, *headers: str) -> bytes:
    """Write the head of a request to this server."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"authorization: Bearer {TOKEN}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


JSON = "content-type: application/json"


def refused(group: str, path: str, rows: list[tuple[str, bytes, int, str]]) -> list[Case]:
    """Make cases of bodies that one route refuses."""
    return [Case(f"{group}: {name}", post(path, body), status, code) for name, body, status, code in rows]


def taken(group: str, path: str, rows: list[tuple[str, bytes, bytes]]) -> list[Case]:
    """Make cases of bodies that look wrong and are right."""
    return [Case(f"{group}: {name}", post(path, body), OK, None, says) for name, body, says in rows]


def row(**changes: object) -> bytes:
    """Write a native body of one row."""
    return json.dumps({"rows": [{**ROW, **changes}]}).encode()


def without(column: str) -> bytes:
    """Write a native body of one row that lacks a column."""
    return json.dumps({"rows": [{name: value for name, value in ROW.items() if name != column}]}).encode()


AMOUNT = {"name": "amount", "datatype": "FP64", "shape": [1], "data": [50.0]}
KIND = {"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["a"]}
AT = {"name": "at", "datatype": "BYTES", "shape": [1], "data": ["2024-01-05T10:00:00"]}
MATRIX_INPUT = {"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [50.0, 0.0]}


def tensors(first: object, *others: object, **more: object) -> bytes:
    """Write an Open Inference body of these inputs."""
    return json.dumps({"inputs": [first, *others], **more}).encode()


def amount(**changes: object) -> bytes:
    """Write an Open Inference body whose first column is changed; None takes a key away."""
    return tensors(_changed(AMOUNT, changes), KIND, AT)


def matrix(**changes: object) -> bytes:
    """Write an Open Inference body of a matrix model; None takes a key away."""
    return tensors(_changed(MATRIX_INPUT, changes))


def _changed(given: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**given, **changes}.items() if value is not None}
