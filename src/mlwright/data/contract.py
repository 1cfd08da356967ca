"""The data contract: what columns hold, checked on training rows and on every request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.errors import DataError

DAY_LIMITS = ("min_rows_per_day", "max_rows_per_day", "max_duplicate_rate", "max_repeat_rate")


@dataclass(frozen=True)
class ColumnContract:
    """What one column may hold.

    Checked on every row: `type`, `nullable`, `min`, `max`, `allow_nan`, `closed` levels, `max_length`.
    Checked on every day of rows: the rest.
    """

    name: str
    type: ColumnType
    nullable: bool = True
    min: float | None = None
    max: float | None = None
    allow_nan: bool | None = None
    max_length: int | None = None
    levels: tuple[str, ...] | None = None
    closed: bool | None = None
    max_null_rate: float | None = None
    max_unseen_rate: float | None = None
    max_top_share: float | None = None
    quantiles: tuple[tuple[float, float], ...] | None = None
    median_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class LabelContract:
    """What the label may hold; `values` are the classes, negative before positive, None for a number."""

    name: str
    type: ColumnType
    values: tuple[ClassValue, ...] | None = None
    nullable: bool = False


@dataclass(frozen=True)
class DataContract:
    """Columns of one table; `ignored` columns may be there and nothing looks at them."""

    columns: tuple[ColumnContract, ...]
    label: LabelContract | None = None
    time: str | None = None
    ignored: tuple[str, ...] = ()
    min_rows_per_day: int | None = None
    max_rows_per_day: int | None = None
    max_duplicate_rate: float | None = None
    max_repeat_rate: float | None = None

    def column(self, name: str) -> ColumnContract | None:
        """Give what is said of a column."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def types(self) -> dict[str, ColumnType]:
        """Give the type of every column and of the label."""
        found: dict[str, ColumnType] = {column.name: column.type for column in self.columns}
        return found if self.label is None else {**found, self.label.name: self.label.type}

    def inputs(self, *, ignore: Iterable[str] = (), group: str | None = None) -> list[Column]:
        """Give the columns that a model may read: no label, group, ignored column or number as time."""
        left_out = {*ignore, *self.ignored, group, None if self.label is None else self.label.name}
        return [
            Column(column.name, column.type, column.nullable)
            for column in self.columns
            if column.name not in left_out and (column.name != self.time or column.type == "timestamp")
        ]

    def to_json(self) -> dict[str, object]:
        """Give the document, without what is not said."""
        document: dict[str, object] = {
            "format": 1,
            "columns": [_said(column) for column in self.columns],
            "label": None if self.label is None else _said(self.label),
            "time": self.time,
            "ignored": list(self.ignored),
        }
        limits = {name: getattr(self, name) for name in DAY_LIMITS}
        return {**document, **{name: limit for name, limit in limits.items() if limit is not None}}

    @classmethod
    def from_json(cls, document: Mapping[str, object] | str | bytes) -> DataContract:
        """Read a document or its text. Raises `DataError` when it is not a contract."""
        return read_contract(document)


def read_contract(source: Mapping[str, object] | str | bytes) -> DataContract:
    """Read a contract document or its text.

    Raises `DataError` when it is not one.
    """
    try:
        document: Mapping[str, Any] = json.loads(source) if isinstance(source, str | bytes) else source
        if document["format"] != 1:
            raise _wrong(f"has format {document['format']!r}, this version reads 1")
        label = document.get("label")
        return DataContract(
            columns=tuple(_column(item) for item in document["columns"]),
            label=None if label is None else LabelContract(**_tuples(label)),
            time=document.get("time"),
            ignored=tuple(document.get("ignored", ())),
            **{name: document.get(name) for name in DAY_LIMITS},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise _wrong(f"cannot be read: {cause}") from cause


def write_contract(contract: DataContract) -> str:
    """Give the text of contract.json for people: one column a line."""
    document = contract.to_json()
    columns = document.pop("columns")
    assert isinstance(columns, list)
    lines = ",\n  ".join(json.dumps(column, ensure_ascii=False) for column in columns)
    rest = ",\n ".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in document.items())
    return f'{{{rest},\n "columns": [\n  {lines}\n ]}}\n'


def _column(item: Mapping[str, Any]) -> ColumnContract:
    return ColumnContract(**_tuples(item))


def _tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in item.items()}


def _tuple(value: object) -> object:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def _said(part: ColumnContract | LabelContract) -> dict[str, object]:
    return {key: value for key, value in part.__dict__.items() if value is not None or key == "values"}


def _wrong(what: str) -> DataError:
    return DataError(
        f"the data contract {what}", hint="mend contract.json, or make it again with `mlwright init`"
    )
