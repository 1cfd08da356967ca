"""Malformed requests: a 4xx with a stable code and a hint, and the next good request is answered right."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.serving.client import send_raw
from tests.serving.conftest import Stage
from tests.serving.packages import body, row

PREDICT = "/v1/predict/production"
INFER = "/v2/models/production/infer"
INSTANCES = "/v1/models/production:predict"
FEEDBACK = "/v1/feedback"


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    body: bytes
    status: int
    code: str
    method: str = "POST"


def _rows(**changes: object) -> bytes:
    return body({**row(50), **changes})


def _tensor(**changes: object) -> bytes:
    amount = {"name": "amount", "datatype": "FP64", "shape": [1], "data": [50.0]}
    kind = {"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    at = {"name": "at", "datatype": "BYTES", "shape": [1], "data": ["2024-01-05T10:00:00"]}
    return json.dumps({"inputs": [{**amount, **changes}, kind, at]}).encode()


DEEP = b'{"rows":' + b"[" * 250_000 + b"]" * 250_000 + b"}"
NO_CONTENT = b'[{"id": "' + b"0" * 26 + b'"}]'
CASES = [
    Case("empty body", PREDICT, b"", 400, "request.json"),
    Case("not JSON", PREDICT, b"amount=3", 400, "request.json"),
    Case("cut off", PREDICT, b'{"rows": [{"amount": 1', 400, "request.json"),
    Case("bytes after the document", PREDICT, _rows() + b" x", 400, "request.json"),
    Case("byte order mark", PREDICT, b"\xef\xbb\xbf" + _rows(), 400, "request.json"),
    Case("invalid UTF-8", PREDICT, b'{"rows": [{"kind": "\xff"}]}', 400, "request.json"),
    Case("lone surrogate", PREDICT, b'{"rows": [{"kind": "\\ud800"}]}', 400, "request.json"),
    Case("duplicate keys", PREDICT, b'{"rows": [], "rows": []}', 400, "request.json"),
    Case("duplicate column", PREDICT, b'{"rows": [{"amount": 1, "amount": 2}]}', 400, "request.json"),
    Case("NaN token", PREDICT, b'{"rows": [{"amount": NaN, "kind": "a"}]}', 400, "request.json"),
    Case("Infinity token", PREDICT, b'{"rows": [{"amount": Infinity, "kind": "a"}]}', 400, "request.json"),
    Case("number overflow", PREDICT, b'{"rows": [{"amount": 1e400, "kind": "a"}]}', 400, "request.json"),
    Case("leading zero", PREDICT, b'{"rows": [{"amount": 01, "kind": "a"}]}', 400, "request.json"),
    Case("single quotes", PREDICT, b"{'rows': []}", 400, "request.json"),
    Case("comment", PREDICT, b'{"rows": [] /* all */}', 400, "request.json"),
    Case("trailing comma", PREDICT, b'{"rows": [],}', 400, "request.json"),
    Case("control character in text", PREDICT, b'{"rows": [{"kind": "a\nb"}]}', 400, "request.json"),
    Case("250 000 levels deep", PREDICT, DEEP, 400, "request.too-deep"),
    Case("a list", PREDICT, b"[]", 400, "request.shape"),
    Case("a number", PREDICT, b"7", 400, "request.shape"),
    Case("no rows key", PREDICT, b"{}", 400, "request.shape"),
    Case("rows is a text", PREDICT, b'{"rows": "all"}', 400, "request.shape"),
    Case("rows is a number", PREDICT, b'{"rows": 3}', 400, "request.shape"),
    Case("row is a number", PREDICT, b'{"rows": [3]}', 400, "request.shape"),
    Case("unit is an object", PREDICT, b'{"rows": [], "unit": {}}', 400, "request.type"),
    Case("text for a number", PREDICT, _rows(amount="50"), 422, "contract.type"),
    Case("boolean for a number", PREDICT, _rows(amount=True), 422, "contract.type"),
    Case("list for a number", PREDICT, _rows(amount=[1]), 422, "contract.type"),
    Case("object for a number", PREDICT, _rows(amount={"v": 1}), 422, "contract.type"),
    Case("number for a text", PREDICT, _rows(kind=3), 422, "contract.type"),
    Case("no timestamp", PREDICT, _rows(at="yesterday"), 422, "contract.type"),
    Case("null where none may be", PREDICT, _rows(kind=None), 422, "contract.null"),
    Case("outside the range", PREDICT, _rows(amount=2e6), 422, "contract.range"),
    Case("below the range", PREDICT, _rows(amount=-2e6), 422, "contract.range"),
    Case("unseen level of a closed list", PREDICT, _rows(kind="z"), 422, "contract.level"),
    Case("unknown column", PREDICT, _rows(amuont=3), 422, "contract.unknown-column"),
    Case("missing column", PREDICT, b'{"rows": [{"amount": 1}]}', 422, "contract.missing-column"),
    Case("second row bad", PREDICT, body(row(1), {**row(2), "kind": "z"}), 422, "contract.level"),
    Case("unknown deployment", "/v1/predict/staging", _rows(), 404, "deployment.unknown"),
    Case("unknown model", "/v2/models/nothing/infer", _tensor(), 404, "model.unknown"),
    Case("unknown version", "/v2/models/production/versions/99/infer", _tensor(), 404, "model.unknown"),
    Case("unknown route", "/v1/predict", _rows(), 404, "request.not-found"),
    Case("unknown path", "/admin/reload", b"", 404, "request.not-found"),
    Case("traversal", "/v1/predict/../../etc/passwd", _rows(), 404, "request.not-found"),
    Case("wrong method", PREDICT, b"", 405, "request.method", "GET"),
    Case("wrong method on infer", INFER, b"", 405, "request.method", "DELETE"),
    Case("no inputs", INFER, b"{}", 400, "request.shape"),
    Case("inputs is an object", INFER, b'{"inputs": {}}', 400, "request.shape"),
    Case("negative dimension", INFER, _tensor(shape=[-1]), 400, "request.shape"),
    Case("zero for one row", INFER, _tensor(shape=[0]), 400, "request.shape"),
    Case("overflowing dimensions", INFER, _tensor(shape=[16, 2**60 + 2]), 400, "request.shape"),
    Case("dimension beyond 64 bits", INFER, _tensor(shape=[2**70]), 400, "request.shape"),
    Case("boolean dimension", INFER, _tensor(shape=[True]), 400, "request.shape"),
    Case("fractional dimension", INFER, _tensor(shape=[1.5]), 400, "request.shape"),
    Case("more data than the shape says", INFER, _tensor(data=[1.0, 2.0]), 400, "request.shape"),
    Case("less data than the shape says", INFER, _tensor(data=[]), 400, "request.shape"),
    Case("no data", INFER, _tensor(data=None), 400, "request.shape"),
    Case("unknown datatype", INFER, _tensor(datatype="FP8"), 400, "request.type"),
    Case("numeric text as data", INFER, _tensor(data=["50"]), 400, "request.type"),
    Case("fraction in an integer tensor", INFER, _tensor(datatype="INT64", data=[1.5]), 400, "request.type"),
    Case("2^70 in INT64", INFER, _tensor(datatype="INT64", data=[2**70]), 400, "request.type"),
    Case("300 in INT8", INFER, _tensor(datatype="INT8", data=[300]), 400, "request.type"),
    Case("negative in UINT8", INFER, _tensor(datatype="UINT8", data=[-1]), 400, "request.type"),
    Case("1e39 in FP32", INFER, _tensor(datatype="FP32", data=[1e39]), 400, "request.type"),
    Case("unknown input name", INFER, _tensor(name="amuont"), 422, "contract.unknown-column"),
    Case("no instances", INSTANCES, b"{}", 400, "request.shape"),
    Case("instances is a number", INSTANCES, b'{"instances": 3}', 400, "request.shape"),
    Case("feedback is not a list", FEEDBACK, b'{"id": 3}', 400, "request.shape"),
    Case("feedback for no possible id", FEEDBACK, b'[{"id": "zz", "label": 1}]', 422, "request.type"),
    Case("feedback without label or event", FEEDBACK, NO_CONTENT, 400, "request.shape"),
]


def _check_good(stage: Stage) -> None:
    with stage.client() as client:
        first, second = client.predict(row(50), row(150))
    assert (first["prediction"], second["prediction"]) == (0, 1)
    assert second["score"] > 0.999


@pytest.mark.promise("serve.bad-input", "serve.contract")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_request_is_refused_and_harms_nobody(shared: Stage, case: Case) -> None:
    with shared.client() as client:
        answer = client.ask(case.method, case.path, case.body or None)
    found = answer.json()
    assert (answer.status, found["code"]) == (case.status, case.code), found
    assert found["hint"]
    assert found["message"]
    assert found["request_id"]
    _check_good(shared)


@pytest.mark.promise("serve.contract")
def test_a_contract_violation_names_column_and_row(shared: Stage) -> None:
    with shared.client() as client:
        answer = client.ask("POST", PREDICT, body(row(1), {**row(2), "kind": "z"}))
    found = answer.json()
    assert (found["column"], found["row"]) == ("kind", 1)
    assert "kind" in found["message"]


def test_open_inference_errors_carry_the_protocols_own_field(shared: Stage) -> None:
    with shared.client() as client:
        found = client.ask("POST", INFER, b"{}").json()
    assert found["error"] == found["message"]


def test_a_body_over_the_limit_is_refused_before_it_is_read(shared: Stage) -> None:
    token = (shared.project.run_folder / "token").read_text().strip()
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
        "content-type: application/json\r\ncontent-length: 999999999999\r\n\r\n"
    )
    answer = send_raw(shared.server.server.port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    _check_good(shared)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/predict/production HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 5_000 + b"\r\n",
    ],
    ids=["binary", "version", "negative length", "two lengths", "long URL", "header flood"],
)
def test_broken_http_is_refused_and_harms_nobody(shared: Stage, data: bytes) -> None:
    answer = send_raw(shared.server.server.port, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    _check_good(shared)


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "Basic abc", ""])
def test_without_the_token_nothing_is_answered(shared: Stage, given: str | None) -> None:
    with shared.client() as client:
        client.token = None
        headers = {} if given is None else {"authorization": given}
        answer = client.ask("POST", PREDICT, body(row(1)), **headers)
    assert (answer.status, answer.json()["code"]) == (401, "request.unauthorised")


def test_a_media_type_that_is_not_json_is_refused(shared: Stage) -> None:
    with shared.client() as client:
        answer = client.ask("POST", PREDICT, body(row(1)), content_type="text/csv")
    assert (answer.status, answer.json()["code"]) == (415, "request.media-type")
