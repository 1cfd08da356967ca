"""Tables as CSV and the bodies of cloud platforms and data frames, wrong in every way that they can be."""

from __future__ import annotations

import json

from tests.serving.malformed.case import JSON, ROW, TOKEN, Case, head, post, refused, taken

INVOKE = "/endpoints/production/invocations"
MATRIX = "/endpoints/matrix/invocations"
SHAPE, TYPE, SYNTAX, LARGE = "request.shape", "request.type", "request.json", "request.too-large"
CSV = "content-type: text/csv"
HEADED = f"{CSV}; header=present"
NAMES = b"amount,kind,at\n"
MANY = [f"c{number}" for number in range(100_000)]

# Records of amount, kind and timestamp, in this order.
PLAIN = [
    ("nothing", b"", 400, SHAPE),
    ("a line feed", b"\n", 400, SHAPE),
    ("one field", b"50\n", 400, SHAPE),
    ("two fields", b"50,a\n", 400, SHAPE),
    ("four fields", b"50,a,,1\n", 400, SHAPE),
    ("a second record that is shorter", b"50,a,\n50,a\n", 400, SHAPE),
    ("a second record that is longer", b"50,a,\n50,a,,\n", 400, SHAPE),
    ("an empty record between", b"50,a,\n\n50,a,\n", 400, SHAPE),
    ("an empty record at the end", b"50,a,\n\n", 400, SHAPE),
    ("a header that is not announced", NAMES + b"50,a,\n", 422, "contract.type"),
    ("semicolons", b"50;a;\n", 400, SHAPE),
    ("tabs", b"50\ta\t\n", 400, SHAPE),
    ("a decimal comma", b"50,5,a,\n", 400, SHAPE),
    ("a quote inside", b'5"0,a,\n', 400, SHAPE),
    ("a quote without an end", b'50,"a,\n', 400, SHAPE),
    ("bytes after a quote", b'50,"a"b,\n', 400, SHAPE),
    ("a space after a quote", b'50,"a" ,\n', 400, SHAPE),
    ("a carriage return alone", b"50,a,\r50,a,\r", 400, SHAPE),
    ("invalid UTF-8", b"50,\xff,\n", 400, SHAPE),
    ("UTF-16", "50,a,\n".encode("utf-16"), 400, SHAPE),
    ("a byte order mark", b"\xef\xbb\xbf50,a,\n", 422, "contract.type"),
    ("NUL", b"50\x00,a,\n", 422, "contract.type"),
    ("NaN", b"NaN,a,\n", 422, "contract.type"),
    ("Infinity", b"inf,a,\n", 422, "contract.type"),
    ("1e400", b"1e400,a,\n", 422, "contract.type"),
    ("hexadecimal", b"0x32,a,\n", 422, "contract.type"),
    ("a leading zero", b"050,a,\n", 422, "contract.type"),
    ("a leading plus", b"+50,a,\n", 422, "contract.type"),
    ("a leading space", b" 50,a,\n", 422, "contract.type"),
    ("a number in quotes", b'"50",a,\n', 422, "contract.type"),
    ("a truth value for a number", b"true,a,\n", 422, "contract.type"),
    ("JSON in a field", b"[50],a,\n", 422, "contract.type"),
    ("a missing kind", b"50,,\n", 422, "contract.null"),
    ("an unseen kind", b"50,z,\n", 422, "contract.level"),
    ("an empty kind in quotes", b'50,"",\n', 422, "contract.level"),
    ("a formula", b"=1+1,a,\n", 422, "contract.type"),
    ("no timestamp", b"50,a,yesterday\n", 422, "contract.type"),
    ("beyond the range", b"2e6,a,\n", 422, "contract.range"),
    ("JSON", json.dumps({"instances": [ROW]}).encode(), 400, SHAPE),
    ("100 001 records", b"50,a,\n" * 100_001, 413, LARGE),
]
NAMED = [
    ("names alone", NAMES, 400, SHAPE),
    ("an unknown name", b"amuont,kind,at\n50,a,\n", 422, "contract.unknown-column"),
    ("an empty name", b"amount,kind,\n50,a,\n", 422, "contract.unknown-column"),
    ("a name with a space", b"amount, kind,at\n50,a,\n", 422, "contract.unknown-column"),
    ("a name too few", b"amount,kind\n50,a\n", 422, "contract.missing-column"),
    ("a name twice", b"amount,kind,at,amount\n50,a,,60\n", 400, SYNTAX),
    ("more values than names", b"amount,kind\n50,a,\n", 400, SHAPE),
    ("a quote in a name", b'am"ount,kind,at\n50,a,\n', 400, SHAPE),
    (
        "100 000 names",
        ",".join(MANY).encode() + b"\n" + b"," * (len(MANY) - 1),
        422,
        "contract.unknown-column",
    ),
]
WIDE = [
    ("text", b"1,a\n", 400, TYPE),
    ("one number", b"1\n", 400, SHAPE),
    ("three numbers", b"1,2,3\n", 400, SHAPE),
    ("a number in quotes", b'1,"2"\n', 400, TYPE),
]


def _frame(columns: object, data: object, **more: object) -> bytes:
    return json.dumps({"dataframe_split": {"columns": columns, "data": data, **more}}).encode()


ORDER = ["amount", "kind", "at"]
FRAMES = [
    ("empty object", b"{}", 400, SHAPE),
    ("two forms", b'{"instances": [], "dataframe_records": []}', 400, SYNTAX),
    ("rows of another protocol", b'{"rows": []}', 400, SHAPE),
    ("records is an object", b'{"dataframe_records": {}}', 400, SHAPE),
    ("a record is a number", b'{"dataframe_records": [1]}', 400, SHAPE),
    ("split is a list", b'{"dataframe_split": []}', 400, SHAPE),
    ("split is null", b'{"dataframe_split": null}', 400, SHAPE),
    ("split without columns", b'{"dataframe_split": {"data": []}}', 400, SHAPE),
    ("split without data", b'{"dataframe_split": {"columns": []}}', 400, SHAPE),
    ("split with an unknown key", _frame(ORDER, [[50, "a", None]], colour=1), 400, SHAPE),
    ("columns is a text", _frame("amount", [[50]]), 400, SHAPE),
    ("a column is a number", _frame([1, "kind", "at"], [[50, "a", None]]), 400, SHAPE),
    ("a column twice", _frame(["amount", "amount"], [[50, 60]]), 400, SHAPE),
    ("data is an object", _frame(ORDER, {}), 400, SHAPE),
    ("a row is a number", _frame(ORDER, [50]), 400, SHAPE),
    ("a row is an object", _frame(ORDER, [{"amount": 50}]), 400, SHAPE),
    ("a row too short", _frame(ORDER, [[50, "a"]]), 400, SHAPE),
    ("a row too long", _frame(ORDER, [[50, "a", None, 1]]), 400, SHAPE),
    ("a list in a row", _frame(ORDER, [[[50], "a", None]]), 422, "contract.type"),
    (
        "an unknown column",
        _frame(["amuont", "kind", "at"], [[50, "a", None]]),
        422,
        "contract.unknown-column",
    ),
    ("text for a number", _frame(ORDER, [["50", "a", None]]), 422, "contract.type"),
    ("100 000 columns", _frame(MANY, [[1] * len(MANY)]), 422, "contract.unknown-column"),
]
ENTERED = [
    ("no deployment named", post("/invocations", json.dumps({"instances": [ROW]}).encode()), 400, SHAPE),
    ("an unknown endpoint", post("/endpoints/x/invocations", b"50,a,\n", CSV), 404, "model.unknown"),
    (
        "an unknown model",
        post(INVOKE, b"50,a,\n", CSV, "x-amzn-sagemaker-target-model: x"),
        404,
        "model.unknown",
    ),
    (
        "an unknown variant",
        post(INVOKE, b"50,a,\n", CSV, "x-amzn-sagemaker-target-variant: x"),
        404,
        "model.unknown",
    ),
    (
        "a variant of other bytes",
        post(INVOKE, b"50,a,\n", CSV, "x-amzn-sagemaker-target-variant: \u00ff"),
        400,
        SHAPE,
    ),
    ("Azure without a deployment", post("/score", json.dumps({"input_data": {}}).encode()), 400, SHAPE),
    ("Vertex without a deployment", post("/predict", b'{"instances": []}'), 400, SHAPE),
    ("Vertex with CSV", post("/predict", b"50,a,\n", CSV), 415, "request.media-type"),
    (
        "Arrow",
        post(INVOKE, b"ARROW1\x00\x00", "content-type: application/vnd.apache.arrow.file"),
        415,
        "request.media-type",
    ),
    ("GET of invocations", head("GET", INVOKE), 405, "request.method"),
    (
        "the token in the SageMaker way",
        head("POST", INVOKE, JSON, "x-mlwright-token: x").replace(
            f"Bearer {TOKEN}".encode(), b"AWS4-HMAC-SHA256 a"
        ),
        401,
        "request.unauthorised",
    ),
]
TAKEN = [
    ("a quoted kind", b'150,"a",\n', b'"prediction":1'),
    ("lines of Windows", b"150,a,\r\n", b'"prediction":1'),
    ("no line feed at the end", b"150,a,", b'"prediction":1'),
    ("a missing amount", b",a,\n", b'"prediction":0'),
]


def _tables(group: str, path: str, rows: list[tuple[str, bytes, int, str]], media: str) -> list[Case]:
    return [
        Case(f"{group}: {name}", post(path, body, media), status, code) for name, body, status, code in rows
    ]


def cases() -> list[Case]:
    return [
        *_tables("table", INVOKE, PLAIN, CSV),
        *_tables("table with names", INVOKE, NAMED, HEADED),
        *_tables("table of a matrix", MATRIX, WIDE, CSV),
        *(Case(f"table: {name}", post(INVOKE, body, CSV), 200, None, says) for name, body, says in TAKEN),
        *refused("frame", INVOKE, FRAMES),
        *taken("frame", INVOKE, [("split", _frame(ORDER, [[150, "a", None]], index=[7]), b'"prediction":1')]),
        *(Case(f"cloud: {name}", sent, status, code) for name, sent, status, code in ENTERED),
    ]
