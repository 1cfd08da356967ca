"""Bodies of TensorFlow Serving's and of the feedback route, and heads that name the wrong thing."""

from __future__ import annotations

import json

from tests.serving.malformed.case import (
    AMOUNT,
    AT,
    CLASSIFY,
    FEEDBACK,
    INFER,
    KIND,
    PREDICT,
    ROW,
    TENSORFLOW,
    TOKEN,
    Case,
    head,
    post,
    refused,
    row,
    taken,
    tensors,
)

SHAPE, TYPE, SYNTAX = "request.shape", "request.type", "request.json"
UNKNOWN = "contract.unknown-column"
COLUMNS = {"amount": [50], "kind": ["a"], "at": [None]}
ID = "0" * 26


def _instances(**changes: object) -> bytes:
    return json.dumps({"instances": [{**ROW, **changes}]}).encode()


def _columns(**changes: object) -> bytes:
    return json.dumps({"inputs": {**COLUMNS, **changes}}).encode()


def _examples(*examples: object, **more: object) -> bytes:
    return json.dumps({"examples": list(examples), **more}).encode()


def _entry(**entry: object) -> bytes:
    return json.dumps([entry]).encode()


INSTANCES = [
    ("empty object", b"{}", 400, SHAPE),
    ("a list", b"[]", 400, SHAPE),
    ("null", b"null", 400, SHAPE),
    ("signature alone", b'{"signature_name": "serving_default"}', 400, SHAPE),
    ("unknown key", b'{"instances": [], "colour": 1}', 400, SHAPE),
    ("rows of another protocol", b'{"rows": []}', 400, SHAPE),
    ("instances is a number", b'{"instances": 3}', 400, SHAPE),
    ("instances is null", b'{"instances": null}', 400, SHAPE),
    ("instances is an object", b'{"instances": {}}', 400, SHAPE),
    ("instances is a text", b'{"instances": "x"}', 400, SHAPE),
    ("an instance is a number", b'{"instances": [1]}', 400, SHAPE),
    ("an instance is a text", b'{"instances": ["a"]}', 400, SHAPE),
    ("an instance is null", b'{"instances": [null]}', 400, SHAPE),
    ("instances and inputs", b'{"instances": [], "inputs": []}', 400, SYNTAX),
    ("instances twice", b'{"instances": [], "instances": []}', 400, SYNTAX),
    ("text for a number", _instances(amount="50"), 422, "contract.type"),
    ("base64 for a number", _instances(amount={"b64": "NTA="}), 422, "contract.type"),
    ("base64 for a text", _instances(kind={"b64": "YQ=="}), 422, "contract.type"),
    ("a list for a number", _instances(amount=[[50]]), 422, "contract.type"),
    ("unseen level", _instances(kind="z"), 422, "contract.level"),
    ("unknown column", _instances(amuont=1), 422, "contract.unknown-column"),
    ("an empty instance", b'{"instances": [{}]}', 422, "contract.missing-column"),
    ("inputs is a number", b'{"inputs": 3}', 400, SHAPE),
    ("inputs is null", b'{"inputs": null}', 400, SHAPE),
    ("inputs is empty", b'{"inputs": {}}', 400, SHAPE),
    ("a column is a number", _columns(amount=50), 400, SHAPE),
    ("a column is a text", _columns(kind="a"), 400, SHAPE),
    ("a column is null", _columns(amount=None), 400, SHAPE),
    ("a column is an object", _columns(amount={"b64": "NTA="}), 400, SHAPE),
    ("a column is longer", _columns(amount=[1, 2]), 400, SHAPE),
    ("a column is a matrix", _columns(amount=[[1, 2]]), 400, SHAPE),
    ("a column is ragged", _columns(amount=[[1, 2], [3]]), 400, SHAPE),
    ("a column is 17 lists deep", _columns(amount=json.loads("[" * 17 + "1" + "]" * 17)), 400, SHAPE),
    ("a column twice", b'{"inputs": {"amount": [1], "amount": [2]}}', 400, SYNTAX),
    ("a column too many", _columns(extra=[1]), 422, "contract.unknown-column"),
    ("a text in a column of numbers", _columns(amount=["50"]), 422, "contract.type"),
    ("an object in a column of numbers", _columns(amount=[{"b64": "NTA="}]), 422, "contract.type"),
    ("true in a column of numbers", _columns(amount=[True]), 422, "contract.type"),
]
MANY = {f"c{number}": 1 for number in range(100_000)}
EXAMPLES = [
    ("100 000 features and as many in the context", _examples(MANY, context={**MANY, "x": 1}), 422, UNKNOWN),
    ("empty object", b"{}", 400, SHAPE),
    ("a list", b"[]", 400, SHAPE),
    ("examples is null", b'{"examples": null}', 400, SHAPE),
    ("examples is an object", b'{"examples": {}}', 400, SHAPE),
    ("an example is a number", _examples(1), 400, SHAPE),
    ("an example is a list", _examples([]), 400, SHAPE),
    ("context is a list", _examples(ROW, context=[]), 400, SHAPE),
    ("context is null", _examples(ROW, context=None), 400, SHAPE),
    ("unknown key", _examples(ROW, colour=1), 400, SHAPE),
    ("a feature twice", b'{"examples": [{"amount": 1, "amount": 2}]}', 400, SYNTAX),
    ("a feature of two values", _examples({**ROW, "amount": [1, 2]}), 422, "contract.type"),
    ("a feature of no value", _examples({**ROW, "amount": []}), 422, "contract.type"),
    ("a feature of lists", _examples({**ROW, "amount": [[1]]}), 422, "contract.type"),
    ("a feature too few", _examples({"amount": 1}), 422, "contract.missing-column"),
    ("a feature too many", _examples({**ROW, "extra": 1}), 422, "contract.unknown-column"),
    (
        "a feature too many in the context",
        _examples(ROW, context={"extra": 1}),
        422,
        "contract.unknown-column",
    ),
]
ENTRIES = [
    ("an object", b'{"id": "a"}', 400, SHAPE),
    ("a text", b'"a"', 400, SHAPE),
    ("null", b"null", 400, SHAPE),
    ("an entry is a number", b"[1]", 400, SHAPE),
    ("an entry is null", b"[null]", 400, SHAPE),
    ("an entry is a list", b"[[]]", 400, SHAPE),
    ("an entry is empty", b"[{}]", 400, SHAPE),
    ("no id", _entry(label=1), 400, SHAPE),
    ("neither label nor event", _entry(id=ID), 400, SHAPE),
    ("label and event", _entry(id=ID, label=1, event="error"), 400, SHAPE),
    ("id is a number", _entry(id=0, label=1), 400, SHAPE),
    ("id is null", _entry(id=None, label=1), 400, SHAPE),
    ("label is null", _entry(id=ID, label=None), 400, SHAPE),
    ("label is a list", _entry(id=ID, label=[1]), 400, SHAPE),
    ("label is an object", _entry(id=ID, label={}), 400, SHAPE),
    ("event is empty", _entry(id=ID, event=""), 400, SHAPE),
    ("event is a number", _entry(id=ID, event=1), 400, SHAPE),
    ("event of 65 characters", _entry(id=ID, event="e" * 65), 400, SHAPE),
    ("unknown key", _entry(id=ID, label=1, colour=1), 400, SHAPE),
    ("key twice", b'[{"id": "a", "id": "b", "label": 1}]', 400, SYNTAX),
    ("an empty id", _entry(id="", label=1), 422, TYPE),
    ("an id too short", _entry(id="0" * 25, label=1), 422, TYPE),
    ("an id too long", _entry(id="0" * 27, label=1), 422, TYPE),
    ("an id of other letters", _entry(id="z" * 26, label=1), 422, TYPE),
    ("an id with a sign", _entry(id="+" + "0" * 25, label=1), 422, TYPE),
    ("an id with NUL", _entry(id="0" * 25 + "\x00", label=1), 422, TYPE),
    ("an id of 26 bytes that are 13 characters", _entry(id="\u00e9" * 13, label=1), 422, TYPE),
    ("an id that is a path", _entry(id="../../../../etc/passwd0000", label=1), 422, TYPE),
    (
        "100 001 entries",
        b"[" + b",".join([b'{"id":"a","label":1}'] * 100_001) + b"]",
        413,
        "request.too-large",
    ),
]
TAKEN_INSTANCES = [
    ("no instances", b'{"instances": []}', b'{"predictions":[]}'),
    (
        "a signature of any kind",
        json.dumps({"signature_name": [1], "instances": [ROW]}).encode(),
        b'"prediction":0',
    ),
    ("instances called inputs", json.dumps({"inputs": [ROW]}).encode(), b'{"predictions":[{"prediction":0'),
    ("columns", _columns(amount=[150]), b'"prediction":1'),
    ("columns of lists of one", _columns(amount=[[150]], kind=[["a"]], at=[[None]]), b'"prediction":1'),
]
HEADS = [
    ("no route", head("GET", "/nothing"), 404, "request.not-found"),
    ("two slashes", head("GET", "//v2"), 404, "request.not-found"),
    ("a slash too many", head("GET", "/v2/"), 404, "request.not-found"),
    ("capital letters", head("GET", "/V2"), 404, "request.not-found"),
    ("encoded letters", head("GET", "/%76%32"), 404, "request.not-found"),
    ("traversal", post("/v1/predict/../../etc/passwd", row()), 404, "request.not-found"),
    ("encoded traversal", post("/v1/predict/..%2f..%2fetc%2fpasswd", row()), 404, "deployment.unknown"),
    ("encoded twice", post("/v1/predict/%252e%252e", row()), 404, "deployment.unknown"),
    ("encoded NUL", post("/v1/predict/production%00", row()), 404, "deployment.unknown"),
    ("encoded line feed", post("/v1/predict/production%0d%0aset-cookie:a", row()), 404, "request.not-found"),
    ("backslashes", post("/v1/predict/..\\..\\etc", row()), 404, "deployment.unknown"),
    ("no name", post("/v1/predict/", row()), 404, "request.not-found"),
    ("no deployment of the name", post("/v1/predict/staging", row()), 404, "deployment.unknown"),
    ("a deployment of 5 000 letters", post("/v1/predict/" + "x" * 5_000, row()), 404, "deployment.unknown"),
    ("a name with a colon", post("/v1/predict/a:b", row()), 404, "request.not-found"),
    (
        "no model of the name",
        post("/v2/models/nothing/infer", tensors(AMOUNT, KIND, AT)),
        404,
        "model.unknown",
    ),
    (
        "no version of the number",
        post("/v2/models/production/versions/99/infer", row()),
        404,
        "model.unknown",
    ),
    ("version 0", post("/v2/models/production/versions/0/infer", row()), 404, "model.unknown"),
    ("version -1", post("/v2/models/production/versions/-1/infer", row()), 404, "request.not-found"),
    ("version +1", post("/v2/models/production/versions/+1/infer", row()), 404, "request.not-found"),
    ("version 1.0", post("/v2/models/production/versions/1.0/infer", row()), 404, "request.not-found"),
    (
        "version 2^32",
        post("/v2/models/production/versions/4294967296/infer", row()),
        404,
        "request.not-found",
    ),
    ("version latest", post("/v2/models/production/versions/latest/infer", row()), 404, "request.not-found"),
    (
        "a version without a number",
        post("/v2/models/production/versions//infer", row()),
        404,
        "request.not-found",
    ),
    ("no label of the name", post("/v1/models/production/labels/x:predict", row()), 404, "model.unknown"),
    ("a verb that is not", post("/v1/models/production:explain", row()), 404, "request.not-found"),
    ("a verb without a model", post("/v1/models/:predict", row()), 404, "request.not-found"),
    ("GET on predict", head("GET", PREDICT), 405, "request.method"),
    ("PUT on predict", post(PREDICT, row()).replace(b"POST", b"PUT", 1), 405, "request.method"),
    ("DELETE on infer", head("DELETE", INFER), 405, "request.method"),
    ("POST on metrics", post("/metrics", b""), 405, "request.method"),
    ("OPTIONS on predict", head("OPTIONS", PREDICT), 405, "request.method"),
    ("TRACE on predict", head("TRACE", PREDICT), 405, "request.method"),
    ("a method of nobody", head("BREW", PREDICT), 405, "request.method"),
    ("a method in small letters", head("post", PREDICT), 405, "request.method"),
    ("the admin's status", head("GET", "/admin/status"), 404, "request.not-found"),
    ("the admin's reload", post("/admin/reload", b""), 404, "request.not-found"),
    (
        "no load of other files",
        post("/v2/repository/models/production/load", b'{"parameters": {"file:1/x": "AAAA"}}'),
        401,
        "request.unauthorised",
    ),
    ("plain text", post(PREDICT, row(), "content-type: text/plain"), 415, "request.media-type"),
    ("CSV", post(PREDICT, row(), "content-type: text/csv"), 415, "request.media-type"),
    ("XML", post(INFER, b"<x/>", "content-type: application/xml"), 415, "request.media-type"),
    (
        "multipart",
        post(PREDICT, b"--x--", "content-type: multipart/form-data; boundary=x"),
        415,
        "request.media-type",
    ),
    ("a media type of one word", post(PREDICT, row(), "content-type: json"), 415, "request.media-type"),
    (
        "a media type that ends in JSON",
        post(PREDICT, row(), "content-type: application/notjson"),
        415,
        "request.media-type",
    ),
    (
        "a media type of other bytes",
        post(PREDICT, row(), "content-type: \u00ff\u00fe"),
        415,
        "request.media-type",
    ),
    (
        "a media type of 5 000 letters",
        post(PREDICT, row(), "content-type: " + "x" * 5_000),
        415,
        "request.media-type",
    ),
    ("pickle", post(PREDICT, b"\x80\x04N.", "content-type: application/x-pickle"), 415, "request.media-type"),
    ("compressed", post(PREDICT, row(), "content-encoding: gzip"), 415, "request.media-type"),
    ("compressed as nobody does", post(PREDICT, row(), "content-encoding: bomb"), 415, "request.media-type"),
    (
        "JSON of another character set",
        post(PREDICT, row(), "content-type: application/json; charset=utf-16"),
        200,
        None,
    ),
    ("JSON of a suffix", post(PREDICT, row(), "content-type: application/problem+json"), 200, None),
    ("no media type", post(PREDICT, row(), "x-a: b"), 200, None),
    ("a query", post(PREDICT + "?a=b&a=%00", row()), 200, None),
    ("identity", post(PREDICT, row(), "content-encoding: identity"), 200, None),
]
TOKENS = [
    ("no token", ""),
    ("an empty token", "authorization: Bearer "),
    ("no word", f"authorization: {TOKEN}"),
    ("a wrong token", "authorization: Bearer " + "x" * len(TOKEN)),
    ("a token without its end", f"authorization: Bearer {TOKEN[:-1]}"),
    ("a token with a letter more", f"authorization: Bearer {TOKEN}x"),
    ("a token in capitals", f"authorization: Bearer {TOKEN.upper()}"),
    ("a token in quotes", f'authorization: Bearer "{TOKEN}"'),
    ("another scheme", "authorization: Basic YTpi"),
    ("a token of other bytes", "authorization: Bearer \u00ff\u00fe"),
    ("a token of 50 000 letters", "authorization: Bearer " + "x" * 50_000),
    ("a token in a cookie", f"cookie: token={TOKEN}"),
]


def _with_token(header: str) -> bytes:
    return post(PREDICT, row()).replace(
        f"authorization: Bearer {TOKEN}\r\n".encode(), f"{header}\r\n".encode() if header else b""
    )


def cases() -> list[Case]:
    return [
        *refused("instances", TENSORFLOW, INSTANCES),
        *taken("instances", TENSORFLOW, TAKEN_INSTANCES),
        *refused("examples", CLASSIFY, EXAMPLES),
        *refused("feedback", FEEDBACK, ENTRIES),
        *taken("feedback", FEEDBACK, [("no entries", b"[]", b'{"accepted":0}')]),
        *(Case(f"head: {name}", sent, status, code) for name, sent, status, code in HEADS),
        *(
            Case(f"token: {name}", _with_token(header), 401, "request.unauthorised")
            for name, header in TOKENS
        ),
    ]
