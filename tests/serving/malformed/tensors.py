"""Open Inference bodies whose tensors contradict themselves or their model, as JSON and as raw bytes."""

from __future__ import annotations

import json
import struct

from tests.serving.malformed.case import (
    AMOUNT,
    AT,
    INFER,
    KIND,
    MATRIX,
    MATRIX_INPUT,
    Case,
    amount,
    matrix,
    post,
    refused,
    taken,
    tensors,
)

SHAPE, TYPE, SYNTAX, LARGE = "request.shape", "request.type", "request.json", "request.too-large"
UNKNOWN = "contract.unknown-column"
EMPTY = {"datatype": "FP64", "shape": [1], "data": [1]}
PARTS = [
    ("empty object", b"{}", 400, SHAPE),
    ("a list", b"[]", 400, SHAPE),
    ("a text", b'"inputs"', 400, SHAPE),
    ("null", b"null", 400, SHAPE),
    ("no inputs", b'{"id": "a"}', 400, SHAPE),
    ("inputs is an object", b'{"inputs": {}}', 400, SHAPE),
    ("inputs is null", b'{"inputs": null}', 400, SHAPE),
    ("inputs is a text", b'{"inputs": "x"}', 400, SHAPE),
    ("inputs is empty", b'{"inputs": []}', 400, SHAPE),
    ("inputs twice", b'{"inputs": [], "inputs": []}', 400, SYNTAX),
    ("an input is a number", b'{"inputs": [1]}', 400, SHAPE),
    ("an input is null", b'{"inputs": [null]}', 400, SHAPE),
    ("an input is a list", b'{"inputs": [[]]}', 400, SHAPE),
    ("an input is empty", b'{"inputs": [{}]}', 400, SHAPE),
    ("unknown key", tensors(AMOUNT, KIND, AT, colour=1), 400, SHAPE),
    ("unknown key of an input", amount(colour=1), 400, SHAPE),
    ("a key of an input twice", b'{"inputs": [{"name": "amount", "name": "amount"}]}', 400, SYNTAX),
    ("id is a number", tensors(AMOUNT, KIND, AT, id=1), 400, TYPE),
    ("id is null", tensors(AMOUNT, KIND, AT, id=None), 400, TYPE),
    ("id is a list", tensors(AMOUNT, KIND, AT, id=["a"]), 400, TYPE),
    ("id with NUL", tensors(AMOUNT, KIND, AT, id="a\x00b"), 400, TYPE),
    ("outputs is an object", tensors(AMOUNT, KIND, AT, outputs={}), 400, SHAPE),
    ("outputs is null", tensors(AMOUNT, KIND, AT, outputs=None), 400, SHAPE),
    ("an output is a text", tensors(AMOUNT, KIND, AT, outputs=["score"]), 400, SHAPE),
    ("an output without a name", tensors(AMOUNT, KIND, AT, outputs=[{}]), 400, SHAPE),
    ("an output named by a number", tensors(AMOUNT, KIND, AT, outputs=[{"name": 1}]), 400, SHAPE),
    ("an unknown output", tensors(AMOUNT, KIND, AT, outputs=[{"name": "scoer"}]), 400, SHAPE),
    ("an output of another case", tensors(AMOUNT, KIND, AT, outputs=[{"name": "Score"}]), 400, SHAPE),
    ("an output twice", tensors(AMOUNT, KIND, AT, outputs=[{"name": "score"}] * 2), 400, SHAPE),
    ("a parameter that nobody knows", amount(parameters={"classification": 3}), 400, SHAPE),
    ("an input twice", tensors(AMOUNT, AMOUNT, KIND, AT), 400, SHAPE),
    ("an input twice by an escape", tensors(AMOUNT, {**KIND, "name": "amount"}, AT), 400, SHAPE),
    (
        "100 000 inputs",
        tensors(*({**EMPTY, "name": f"c{number}"} for number in range(100_000))),
        422,
        UNKNOWN,
    ),
    ("an unknown input", amount(name="amuont"), 422, "contract.unknown-column"),
    (
        "an input too many",
        tensors(AMOUNT, KIND, AT, {**AMOUNT, "name": "extra"}),
        422,
        "contract.unknown-column",
    ),
    ("an input too few", tensors(AMOUNT, KIND), 422, "contract.missing-column"),
    ("an input of no name", amount(name=""), 422, "contract.unknown-column"),
    ("an input whose name has NUL", amount(name="amount\x00"), 422, "contract.unknown-column"),
    ("a name that is a number", amount(name=1), 400, SHAPE),
    ("a name that is a list", amount(name=["amount"]), 400, SHAPE),
    ("no name", amount(name=None), 400, SHAPE),
    ("no datatype", amount(datatype=None), 400, SHAPE),
    ("no shape", amount(shape=None), 400, SHAPE),
    ("no data", amount(data=None), 400, SHAPE),
    ("parameters is a list", amount(parameters=[]), 400, SHAPE),
    ("a level outside the contract", tensors(AMOUNT, {**KIND, "data": ["z"]}, AT), 422, "contract.level"),
    ("null in a column without null", tensors(AMOUNT, {**KIND, "data": [None]}, AT), 422, "contract.null"),
    (
        "a column of another type",
        tensors(AMOUNT, {**KIND, "datatype": "INT64", "data": [1]}, AT),
        422,
        "contract.type",
    ),
    ("booleans for a number", amount(datatype="BOOL", data=[True]), 422, "contract.type"),
]
SHAPES = [
    ("negative", amount(shape=[-1]), 400, SHAPE),
    ("zero for one value", amount(shape=[0]), 400, SHAPE),
    ("zero beside one", amount(shape=[1, 0]), 400, SHAPE),
    ("empty", amount(shape=[]), 400, SHAPE),
    ("null", b'{"inputs": [{"name": "amount", "shape": null}]}', 400, SHAPE),
    ("a number", amount(shape=1), 400, SHAPE),
    ("a text", amount(shape="1"), 400, SHAPE),
    ("an object", amount(shape={"0": 1}), 400, SHAPE),
    ("of a text", amount(shape=["1"]), 400, SHAPE),
    ("of null", amount(shape=[None]), 400, SHAPE),
    ("of true", amount(shape=[True]), 400, SHAPE),
    ("of a list", amount(shape=[[1]]), 400, SHAPE),
    ("of a fraction", amount(shape=[1.5]), 400, SHAPE),
    ("beyond 63 bits", amount(shape=[2**63]), 400, SHAPE),
    ("beyond 64 bits", amount(shape=[2**64 + 1]), 400, SHAPE),
    ("2^70", amount(shape=[2**70]), 400, SHAPE),
    ("1e300", amount(shape=[1e300]), 400, SHAPE),
    ("whose product overflows", amount(shape=[16, 2**60 + 2]), 400, SHAPE),
    ("whose product overflows to zero", amount(shape=[2**32, 2**32]), 400, SHAPE),
    ("whose product overflows to one", amount(shape=[3, 12297829382473034411]), 400, SHAPE),
    ("of 17 dimensions", amount(shape=[1] * 17), 400, SHAPE),
    ("of 10 000 dimensions", amount(shape=[1] * 10_000), 400, SHAPE),
    ("greater than the data", amount(shape=[2]), 400, SHAPE),
    ("a billion rows", amount(shape=[10**9]), 400, SHAPE),
    ("a matrix for a column", amount(shape=[1, 2], data=[1, 2]), 400, SHAPE),
    ("a row for a column", amount(shape=[1, 1, 1]), 400, SHAPE),
    ("columns of different lengths", amount(shape=[2], data=[1, 2]), 400, SHAPE),
]
DATA = [
    ("more than the shape says", amount(data=[1.0, 2.0]), 400, SHAPE),
    ("less than the shape says", amount(data=[]), 400, SHAPE),
    ("null", b'{"inputs": [{"name": "amount", "data": null}]}', 400, SHAPE),
    ("a number", amount(data=1.0), 400, SHAPE),
    ("a text", amount(data="AAAA"), 400, SHAPE),
    ("an object", amount(data={"0": 1}), 400, SHAPE),
    ("ragged", amount(shape=[3], data=[[1, 2], [3]]), 400, SHAPE),
    ("ragged the other way", amount(shape=[3], data=[[1], [2, 3]]), 400, SHAPE),
    ("values beside lists", amount(shape=[2], data=[1, [2]]), 400, SHAPE),
    ("lists beside values", amount(shape=[2], data=[[1], 2]), 400, SHAPE),
    ("of other lists than the shape", amount(shape=[2, 1], data=[[1, 2]]), 400, SHAPE),
    ("17 lists deep", amount(data=json.loads("[" * 17 + "1" + "]" * 17)), 400, SHAPE),
    ("with an object inside", amount(data=[{}]), 400, TYPE),
    ("numeric text in FP64", amount(data=["50"]), 400, TYPE),
    ("the text NaN in FP64", amount(data=["NaN"]), 400, TYPE),
    ("true in FP64", amount(data=[True]), 400, TYPE),
    ("numeric text in INT64", amount(datatype="INT64", data=["50"]), 400, TYPE),
    ("a fraction in INT64", amount(datatype="INT64", data=[1.5]), 400, TYPE),
    ("2^63 in INT64", amount(datatype="INT64", data=[2**63]), 400, TYPE),
    ("2^70 in INT64", amount(datatype="INT64", data=[2**70]), 400, TYPE),
    ("-2^63 - 1 in INT64", amount(datatype="INT64", data=[-(2**63) - 1]), 400, TYPE),
    ("1e300 in INT64", amount(datatype="INT64", data=[1e300]), 400, TYPE),
    ("true in INT64", amount(datatype="INT64", data=[True]), 400, TYPE),
    ("128 in INT8", amount(datatype="INT8", data=[128]), 400, TYPE),
    ("-129 in INT8", amount(datatype="INT8", data=[-129]), 400, TYPE),
    ("32 768 in INT16", amount(datatype="INT16", data=[32_768]), 400, TYPE),
    ("2^31 in INT32", amount(datatype="INT32", data=[2**31]), 400, TYPE),
    ("256 in UINT8", amount(datatype="UINT8", data=[256]), 400, TYPE),
    ("-1 in UINT8", amount(datatype="UINT8", data=[-1]), 400, TYPE),
    ("65 536 in UINT16", amount(datatype="UINT16", data=[65_536]), 400, TYPE),
    ("2^32 in UINT32", amount(datatype="UINT32", data=[2**32]), 400, TYPE),
    ("-1 in UINT64", amount(datatype="UINT64", data=[-1]), 400, TYPE),
    ("2^64 in UINT64", amount(datatype="UINT64", data=[2**64]), 400, TYPE),
    ("1e39 in FP32", amount(datatype="FP32", data=[1e39]), 400, TYPE),
    ("-1e39 in FP32", amount(datatype="FP32", data=[-1e39]), 400, TYPE),
    ("1 in BOOL", amount(datatype="BOOL", data=[1]), 400, TYPE),
    ("text in BOOL", amount(datatype="BOOL", data=["true"]), 400, TYPE),
    ("a number in BYTES", tensors(AMOUNT, {**KIND, "data": [97]}, AT), 400, TYPE),
    ("true in BYTES", tensors(AMOUNT, {**KIND, "data": [True]}, AT), 400, TYPE),
    ("of no datatype", amount(datatype=""), 400, TYPE),
    ("of the datatype FP8", amount(datatype="FP8"), 400, TYPE),
    ("of the datatype fp64", amount(datatype="fp64"), 400, TYPE),
    ("of the datatype FP64 with a space", amount(datatype="FP64 "), 400, TYPE),
    ("of the datatype STRING", amount(datatype="STRING"), 400, TYPE),
    ("of a datatype that is a number", amount(datatype=64), 400, SHAPE),
    ("of a datatype that is a list", amount(datatype=["FP64"]), 400, SHAPE),
    ("100 001 rows", amount(shape=[100_001], data=[0] * 100_001), 413, LARGE),
]
MATRICES = [
    ("a name that is not its own", matrix(name="y"), 400, SHAPE),
    ("two tensors", tensors(MATRIX_INPUT, {**MATRIX_INPUT, "name": "y"}), 400, SHAPE),
    ("one column too few", matrix(shape=[1, 1], data=[1.0]), 400, SHAPE),
    ("one column too many", matrix(shape=[1, 3], data=[1.0, 2.0, 3.0]), 400, SHAPE),
    ("one dimension", matrix(shape=[2], data=[1.0, 2.0]), 400, SHAPE),
    ("three dimensions", matrix(shape=[1, 2, 1]), 400, SHAPE),
    ("no columns", matrix(shape=[1, 0], data=[]), 400, SHAPE),
    ("text", matrix(datatype="BYTES", data=["1", "2"]), 400, TYPE),
    ("booleans", matrix(datatype="BOOL", data=[True, False]), 400, TYPE),
    ("an integer that float64 does not hold", matrix(datatype="INT64", data=[2**53 + 1, 0]), 400, TYPE),
    ("1e39 as FP32", matrix(datatype="FP32", data=[1e39, 0.0]), 400, TYPE),
]
TAKEN = [
    ("an integer where floats are", amount(data=[150]), b'"data":[1]'),
    ("a whole float in INT64", amount(datatype="INT64", data=[150.0]), b'"data":[1]'),
    ("an exponent in INT64", amount(datatype="INT64", data=[1.5e2]), b'"data":[1]'),
    ("a column as a matrix of one", amount(shape=[1, 1], data=[[150]]), b'"data":[1]'),
    ("null in FP32", amount(datatype="FP32", data=[None]), b'"data":[0]'),
    (
        "an id of every plane",
        tensors(AMOUNT, KIND, AT, id="\U0001f600\u0001"),
        b'"id":"\xf0\x9f\x98\x80\\u0001"',
    ),
    ("an empty id", tensors(AMOUNT, KIND, AT, id=""), b'"id":""'),
    ("-0", amount(data=[-0.0]), b'"data":[0]'),
]
KINDS = (struct.pack("<i", 1) + b"a", struct.pack("<i", 19) + b"2024-01-05T10:00:00")


def _raw(
    raw: bytes, *, size: object = 8, length: str | None = None, shape: object = (1,), datatype: str = "FP64"
) -> bytes:
    """Write a request whose amount is raw bytes; `size` is what the JSON says of them."""
    given = {"name": "amount", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}
    body = json.dumps({"inputs": [given, KIND, AT]}).encode()
    says = str(len(body)) if length is None else length.replace("+", str(len(body) + 1)).replace("%", "+")
    return post(INFER, body + raw, f"inference-header-content-length: {says}")


def _texts(raw: bytes) -> bytes:
    """Write a request whose kind is raw bytes."""
    size = {"binary_data_size": len(raw)}
    kind = {"name": "kind", "datatype": "BYTES", "shape": [1], "parameters": size}
    body = tensors(AMOUNT, kind, AT)
    return post(INFER, body + raw, f"inference-header-content-length: {len(body)}")


FIFTY = struct.pack("<d", 50.0)
BINARY = [
    ("8 bytes", _raw(FIFTY), 200, None),
    ("NaN is a missing value", _raw(struct.pack("<d", float("nan"))), 200, None),
    ("FP16", _raw(struct.pack("<e", 50.0), size=2, datatype="FP16"), 200, None),
    ("a text", _texts(KINDS[0]), 200, None),
    ("infinity", _raw(struct.pack("<d", float("inf"))), 400, TYPE),
    ("minus infinity in FP16", _raw(b"\x00\xfc", size=2, datatype="FP16"), 400, TYPE),
    ("2 in BOOL", _raw(b"\x02", size=1, datatype="BOOL"), 400, TYPE),
    ("2^63 in UINT64", _raw(b"\x00" * 7 + b"\x80", datatype="UINT64"), 400, TYPE),
    ("an unknown datatype", _raw(FIFTY, datatype="FP8"), 400, TYPE),
    ("no bytes", _raw(b""), 400, SHAPE),
    ("a byte too few", _raw(FIFTY[:7]), 400, SHAPE),
    ("a byte too many", _raw(FIFTY + b"\x00"), 400, SHAPE),
    ("a size that is too small", _raw(FIFTY, size=7), 400, SHAPE),
    ("a size that is too great", _raw(FIFTY, size=9), 400, SHAPE),
    ("a size of zero", _raw(b"", size=0), 400, SHAPE),
    ("a negative size", _raw(FIFTY, size=-8), 400, TYPE),
    ("a fractional size", _raw(FIFTY, size=8.5), 400, TYPE),
    ("a size of 2^63", _raw(FIFTY, size=2**63), 400, TYPE),
    ("a size of 2^64", _raw(FIFTY, size=2**64), 400, TYPE),
    ("a size that is a text", _raw(FIFTY, size="8"), 400, TYPE),
    ("a size that is true", _raw(FIFTY, size=True), 400, TYPE),
    ("a shape that is too great", _raw(FIFTY, shape=[2]), 400, SHAPE),
    ("a shape whose bytes overflow", _raw(FIFTY, shape=[2**61 + 1]), 413, LARGE),
    ("a shape whose product overflows", _raw(FIFTY, shape=[2**40, 2**40]), 400, SHAPE),
    ("a shape of a billion texts", _raw(FIFTY, shape=[10**9], datatype="BYTES"), 413, LARGE),
    ("a length of nothing", _raw(FIFTY, length=""), 400, SHAPE),
    ("a length of zero", _raw(FIFTY, length="0"), 400, SYNTAX),
    ("a length that cuts the JSON", _raw(FIFTY, length="20"), 400, SYNTAX),
    ("a length of one byte more", _raw(FIFTY, length="+"), 400, SHAPE),
    ("a length beyond the body", _raw(FIFTY, length="1000000"), 400, SHAPE),
    ("a length beyond 64 bits", _raw(FIFTY, length="99999999999999999999999"), 400, SHAPE),
    ("a negative length", _raw(FIFTY, length="-1"), 400, SHAPE),
    ("a length with a sign", _raw(FIFTY, length="%7"), 400, SHAPE),
    ("a length in hex", _raw(FIFTY, length="0x40"), 400, SHAPE),
    ("two lengths", _raw(FIFTY, length="5\r\ninference-header-content-length: 5"), 400, SHAPE),
    ("raw bytes without a length", post(INFER, tensors(AMOUNT, KIND, AT) + FIFTY, "x-a: b"), 400, SYNTAX),
    ("a text without its length", _texts(b"a"), 400, SHAPE),
    ("a text that is longer than the bytes", _texts(struct.pack("<I", 2) + b"a"), 400, SHAPE),
    ("a text of 4 GiB", _texts(b"\xff\xff\xff\xff" + b"a"), 400, SHAPE),
    ("a text with bytes after it", _texts(struct.pack("<I", 1) + b"ab"), 400, SHAPE),
    ("two texts for one", _texts(KINDS[0] * 2), 400, SHAPE),
    ("a text that is no UTF-8", _texts(struct.pack("<I", 1) + b"\xff"), 400, TYPE),
]
BOTH = {**AMOUNT, "parameters": {"binary_data_size": 8}}


def cases() -> list[Case]:
    binary = [Case(f"binary: {name}", sent, status, code) for name, sent, status, code in BINARY]
    both = tensors(BOTH, KIND, AT)
    both_sent = post(INFER, both + FIFTY, f"inference-header-content-length: {len(both)}")
    return [
        *refused("tensors", INFER, PARTS),
        *refused("shape", INFER, SHAPES),
        *refused("data", INFER, DATA),
        *refused("matrix", MATRIX, MATRICES),
        *taken("tensors", INFER, TAKEN),
        *binary,
        Case("binary: data and raw bytes", both_sent, 400, SHAPE),
    ]
