from __future__ import annotations

import json
from datetime import datetime

import polars as pl
import pytest

from mlwright.monitoring.training_rows import ColumnType, parse_rows

COLUMNS: dict[str, ColumnType] = {
    "amount": "number",
    "count": "integer",
    "card": "boolean",
    "shop": "string",
    "at": "timestamp",
    "is_fraud": "integer",
}


def _served(*rows: tuple[dict[str, object], str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"input": [json.dumps(row) for row, _ in rows], "label": [label for _, label in rows]},
        schema={"input": pl.String, "label": pl.String},
    )


def _parse(*rows: tuple[dict[str, object], str | None], negative: object = None) -> list[dict[str, object]]:
    return parse_rows(_served(*rows), COLUMNS, "is_fraud", negative).to_dicts()


def test_values_get_the_types_of_the_training_data() -> None:
    row = {"amount": 3, "count": 4.0, "card": True, "shop": "7", "at": "2024-01-05T10:00:00Z", "other": [1]}
    (found,) = _parse((row, "1"))
    assert found == {
        "amount": 3.0,
        "count": 4,
        "card": True,
        "shop": "7",
        "at": datetime.fromisoformat("2024-01-05T10:00:00"),
        "is_fraud": 1,
    }


def test_what_was_not_sent_is_null() -> None:
    (found,) = _parse(({"shop": "b", "amount": None}, "0"))
    assert (found["amount"], found["count"], found["card"], found["at"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05", "2024-01-05T00:00:00"),
        ("2024-01-05 10:30:00", "2024-01-05T10:30:00"),
        ("2024-01-05T10:30:00.25", "2024-01-05T10:30:00.250000"),
        ("2024-01-05T10:30", "2024-01-05T10:30:00"),
        ("2024-01-05T10:30:00+02:00", "2024-01-05T08:30:00"),
        ("2024-01-05T10:30:00-0130", "2024-01-05T12:00:00"),
        (1_704_448_800_000_000, "2024-01-05T10:00:00"),
        ("yesterday", None),
    ],
)
def test_every_form_of_a_time_that_the_server_takes_is_read(text: object, expected: str | None) -> None:
    (found,) = _parse(({"at": text}, "1"))
    assert found["at"] == (expected and datetime.fromisoformat(expected))


def test_rows_without_a_label_may_count_as_negative() -> None:
    found = _parse(({"amount": 1}, None), ({"amount": 2}, "1"), negative=0)
    assert [row["is_fraud"] for row in found] == [0, 1]


def test_a_text_label_loses_its_quotes() -> None:
    columns: dict[str, ColumnType] = {"amount": "number", "label": "string"}
    frame = parse_rows(_served(({"amount": 1}, '"yes"')), columns, "label", None)
    assert frame["label"].to_list() == ["yes"]


def test_one_odd_value_spoils_no_other() -> None:
    found = _parse(({"amount": "many"}, "1"), ({"amount": 2.5}, "0"))
    assert [row["amount"] for row in found] == [None, 2.5]
