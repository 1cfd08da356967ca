"""The gRPC message that is sent and the one that comes back: Open Inference `ModelInfer`, raw tensors."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from workload import FEATURES, INPUT, Row, packed

METHOD = "/inference.GRPCInferenceService/ModelInfer"
MODEL_NAME, INPUTS, RAW_INPUT, RAW_OUTPUT = 1, 5, 7, 6
TENSOR_NAME, TENSOR_TYPE, TENSOR_SHAPE = 1, 2, 3


def infer_request(model: str, rows: Sequence[Row]) -> bytes:
    """Give the protobuf of `ModelInferRequest`: one FP64 tensor."""
    shape = b"".join(_varint(size) for size in (len(rows), FEATURES))
    tensor = _field(TENSOR_NAME, INPUT.encode()) + _field(TENSOR_TYPE, b"FP64") + _field(TENSOR_SHAPE, shape)
    return _field(MODEL_NAME, model.encode()) + _field(INPUTS, tensor) + _field(RAW_INPUT, packed(rows))


def grpc_frame(message: bytes) -> bytes:
    """Put the five bytes of gRPC before a message: not compressed, length."""
    return struct.pack(">BI", 0, len(message)) + message


def raw_probabilities(response: bytes) -> list[float]:
    """Read the doubles of the only raw output of a `ModelInferResponse`."""
    raw = [content for number, content in _fields(response) if number == RAW_OUTPUT]
    assert len(raw) == 1, f"{len(raw)} raw outputs, not one"
    return list(struct.unpack(f"<{len(raw[0]) // 8}d", raw[0]))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the length-delimited fields; numbers of other kinds are passed over."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        assert key & 7 in {0, 2}, f"wire type {key & 7} does not occur in ModelInferResponse"
        if key & 7 == 2:
            yield key >> 3, message[at : at + value]
            at += value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
