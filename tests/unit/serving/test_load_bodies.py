from __future__ import annotations

import json
import struct
from pathlib import Path

import polars as pl
import pytest

from mlwright import native
from mlwright.errors import UsageError
from mlwright.serving import bodies_of, make_rows, messages_of, sample_rows
from mlwright.serving.infer_message import infer_message
from tests.serving.packages import CONTRACT, write_package


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return tmp_path / write_package(tmp_path, limit=100)


def test_sampled_rows_are_rows_of_the_table_that_the_contract_accepts(package: Path) -> None:
    frame = pl.DataFrame(
        {
            "is_fraud": [0, 1, 0, 1],
            "amount": [1.5, float("nan"), 2e9, 4.0],
            "kind": ["a", "b", "a", "unheard of"],
            "at": pl.Series(["2024-01-05T10:00:00"] * 4).str.to_datetime(),
            "customer_id": ["c1", "c2", "c3", "c4"],
        }
    )
    rows = sample_rows(frame, package, count=256, seed=7)
    found = {str(row["customer_id"]): row for row in rows if isinstance(row, dict)}
    assert set(found) == {"c1", "c2"}
    assert found["c1"] == {"amount": 1.5, "kind": "a", "at": found["c1"]["at"], "customer_id": "c1"}
    assert found["c2"]["amount"] is None
    assert sample_rows(frame, package, count=1, seed=7) == rows[:1]


def test_made_rows_are_within_the_contract_and_repeat_with_their_seed(package: Path) -> None:
    rows = make_rows(package, count=500, seed=7)
    assert native.check_rows(json.dumps(CONTRACT), [json.dumps(row) for row in rows]) == [None] * 500
    assert rows == make_rows(package, count=500, seed=7)
    assert rows != make_rows(package, count=500, seed=8)


def test_rows_for_tensors_are_lists_of_the_width_and_images_are_refused(tmp_path: Path) -> None:
    def signature(shape: list[int]) -> None:
        inputs = [{"name": "x", "datatype": "FP32", "shape": shape}]
        (tmp_path / "manifest.json").write_text(
            json.dumps({"signature": {"kind": "tensor", "inputs": inputs}})
        )

    signature([-1, 5])
    assert [len(row) for row in make_rows(tmp_path, count=3, seed=1)] == [5, 5, 5]
    signature([-1, 3, 224, 224])
    with pytest.raises(UsageError, match="no table"):
        make_rows(tmp_path, count=3, seed=1)


def test_bodies_hold_as_many_rows_as_asked_and_too_few_rows_come_again() -> None:
    rows = [{"x": number} for number in range(5)]
    sent = [json.loads(body)["rows"] for body in bodies_of(rows, rows_per_request=2)]
    assert sent == [[{"x": 0}, {"x": 1}], [{"x": 2}, {"x": 3}]]
    (body,) = bodies_of(rows[:1], rows_per_request=3)
    assert json.loads(body) == {"rows": [{"x": 0}] * 3}


def test_messages_hold_the_columns_as_tensors_and_leave_rows_with_nulls_out(package: Path) -> None:
    rows = [{"amount": 1.5, "kind": "a", "at": "2024"}, {"amount": None, "kind": "b", "at": "2024"}]
    (message,) = messages_of(rows, package, model="m", rows_per_request=1)
    amount = b"\x0a\x06amount\x12\x04FP64\x1a\x01\x01\x2a\x0a\x3a\x08" + struct.pack("<d", 1.5)
    assert message.startswith(b"\x0a\x01m\x2a" + bytes([len(amount)]) + amount)
    assert b"\x12\x05BYTES\x1a\x01\x01\x2a\x03\x42\x01a" in message
    with pytest.raises(UsageError, match="null"):
        messages_of(rows[1:], package, model="m", rows_per_request=1)


def test_numbers_of_tensors_are_written_as_the_protocol_says() -> None:
    def message(kind: str, values: list[object]) -> bytes:
        signature = {"kind": "columns", "inputs": [{"name": "x", "type": kind}]}
        return infer_message("m", signature, [{"x": value} for value in values])

    assert message("integer", [1, 300, -1]).endswith(b"\x1a\x0d\x01\xac\x02" + b"\xff" * 9 + b"\x01")
    assert message("boolean", [True, False]).endswith(b"\x0a\x02\x01\x00")
    tensor = {"kind": "tensor", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}
    flat = infer_message("m", tensor, [[1.0, 2.0], [3.0, 4.0]])
    assert flat.endswith(b"\x1a\x02\x02\x02\x2a\x12\x32\x10" + struct.pack("<4f", 1, 2, 3, 4))
