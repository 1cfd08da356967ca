"""Write rows as `inference.ModelInferRequest` of the Open Inference Protocol v2, with Triton's field numbers.

Only the few parts of the wire format that a request needs: tags, lengths and packed numbers (protocol buffers
encoding, https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

INFER_METHOD = "/inference.GRPCInferenceService/ModelInfer"
MODEL_NAME, INPUTS = 1, 5  # of ModelInferRequest
NAME, DATATYPE, SHAPE, CONTENTS = 1, 2, 3, 5  # of InferInputTensor
BOOL, INT64, FP32, FP64, BYTES = 1, 3, 6, 7, 8  # of InferTensorContents
DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES", "timestamp": "BYTES"}


def infer_message(model: str, signature: Mapping[str, Any], rows: Sequence[Any]) -> bytes:
    """Give the message that asks a model about these rows: objects for columns, lists of numbers for tensors.

    >>> inputs = [{"name": "x", "type": "number"}]
    >>> len(infer_message("m", {"kind": "columns", "inputs": inputs}, [{"x": 1.0}]))
    29
    """
    parts = [_field(MODEL_NAME, model.encode())]
    if signature["kind"] == "columns":
        for column in signature["inputs"]:
            values = [row[column["name"]] for row in rows]
            parts.append(_tensor(column["name"], DATATYPES[column["type"]], [len(rows)], values))
    else:
        (entry,) = signature["inputs"]
        flat = [value for row in rows for value in row]
        parts.append(_tensor(entry["name"], entry["datatype"], [len(rows), len(rows[0])], flat))
    return b"".join(parts)


def can_be_tensors(signature: Mapping[str, Any], row: Any) -> bool:
    """Tell whether a row has a value for every input: tensors have no null."""
    if signature["kind"] != "columns":
        return True
    return all(row.get(column["name"]) is not None for column in signature["inputs"])


def _tensor(name: str, datatype: str, shape: Sequence[int], values: Sequence[Any]) -> bytes:
    dimensions = b"".join(map(_varint, shape))
    tensor = (
        _field(NAME, name.encode())
        + _field(DATATYPE, datatype.encode())
        + _field(SHAPE, dimensions)
        + _field(CONTENTS, _contents(datatype, values))
    )
    return _field(INPUTS, tensor)


def _contents(datatype: str, values: Sequence[Any]) -> bytes:
    match datatype:
        case "FP64":
            return _field(FP64, struct.pack(f"<{len(values)}d", *values))
        case "FP32":
            return _field(FP32, struct.pack(f"<{len(values)}f", *values))
        case "INT64":
            return _field(INT64, b"".join(_varint(int(value)) for value in values))
        case "BOOL":
            return _field(BOOL, bytes(bool(value) for value in values))
        case _:
            return b"".join(_field(BYTES, str(value).encode()) for value in values)


def _field(number: int, content: bytes) -> bytes:
    """Write a field of bytes: its tag with wire type 2, its length, its content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Write a number in groups of seven bits, lowest first; negative ones as their 64-bit complement."""
    rest = value & (1 << 64) - 1
    groups = bytearray()
    while rest > 0x7F:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    groups.append(rest)
    return bytes(groups)
