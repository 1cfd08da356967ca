"""Bring rows into the types of their contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.column_type import convert, convert_columns
from mlwright.data.contract import DataContract
from mlwright.data.roles import require_column
from mlwright.errors import ContractBroken, LabelUnusable

TYPE_ERRORS = "__type_errors"


def conform(frame: pl.DataFrame, contract: DataContract) -> pl.DataFrame:
    """Give the contract's columns and, where it is there, the label in their types.

    Raises `ColumnMissing`, and `ContractBroken` naming a column with a value of another type.
    """
    return _strict(conform_leniently(frame, contract), frame)


def conform_columns(frame: pl.DataFrame, inputs: Sequence[Column]) -> pl.DataFrame:
    """Give the columns a model reads, and only them, in their types.

    Raises `ColumnMissing`, and `ContractBroken` naming a column with a value of another type.

    >>> import polars as pl
    >>> conform_columns(pl.DataFrame({"x": ["1", None]}), [Column("x", "integer")])["x"].to_list()
    [1, None]
    """
    return _strict(_typed(frame, {column.name: column.type for column in inputs}), frame)


def conform_leniently(frame: pl.DataFrame, contract: DataContract) -> pl.DataFrame:
    """Like `conform`, but values of another type are null and marked.

    The mark is the text column `__type_errors` that names the first such column of the row; it is there only
    when needed. Raises `ColumnMissing`.
    """
    if TYPE_ERRORS in frame.columns:
        return frame
    kinds = contract.types
    if contract.label is not None and contract.label.name not in frame.columns:
        kinds.pop(contract.label.name)
    return _typed(frame, kinds)


def encode_target(values: pl.Series, classes: Sequence[ClassValue] | None) -> npt.NDArray[np.float64]:
    """Give the index of each label among the classes, or the number itself without classes; NaN is null.

    Raises `LabelUnusable` for a value that is no class.

    >>> import polars as pl
    >>> encode_target(pl.Series(["no", "yes", None]), ["no", "yes"]).tolist()
    [0.0, 1.0, nan]
    """
    if not classes:
        return convert(values, "number").fill_null(float("nan")).to_numpy()
    texts = convert(pl.Series("classes", list(classes)), "string")
    given = convert(values, "string")
    codes = given.replace_strict(
        texts, pl.Series(range(len(classes)), dtype=pl.Float64), default=None, return_dtype=pl.Float64
    )
    wrong = given.filter(codes.is_null() & given.is_not_null())
    if len(wrong):
        raise LabelUnusable(
            f"the label {values.name!r} has the value {wrong[0]!r}, which is no class of the contract",
            hint="add it to `values` of the label in contract.json, or mend the data",
            column=values.name,
        )
    return codes.fill_null(float("nan")).to_numpy()


def _strict(typed: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    if TYPE_ERRORS not in typed.columns:
        return typed
    marks = typed[TYPE_ERRORS]
    rows = (marks != "").arg_true()
    name = str(marks[rows[0]])
    found, word = given[name][rows[0]], _word(typed.schema[name])
    raise ContractBroken(
        f"row {rows[0]}: {name!r} is {found!r}, which is not of type {word}",
        hint=f"mend {name!r} in the data, or change its type in contract.json",
        column=name,
        row=rows[0],
        rows=len(rows),
    )


def _word(dtype: pl.DataType) -> str:
    words = {pl.Float64: "number", pl.Int64: "integer", pl.Boolean: "boolean", pl.String: "string"}
    return words.get(type(dtype), "timestamp")


def _typed(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    given = set(frame.columns)
    for name in types:
        if name not in given:
            require_column(name, frame.columns)
    after = convert_columns(frame, types)
    lost = _lost(frame.select(pl.col(list(types))), after)
    if not lost:
        return after
    errors = pl.repeat("", frame.height, eager=True)
    for name in reversed(lost):
        wrong = after[name].is_null() & _given(frame[name]).is_not_null()
        errors = pl.repeat(name, frame.height, eager=True).zip_with(wrong, errors)
    return after.with_columns(errors.alias(TYPE_ERRORS))


def _lost(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """Name the columns with values that became null."""
    if not before.width:
        return []
    floats = [name for name, kind in before.schema.items() if kind.is_float()]
    nulls = before.with_columns(pl.col(floats).fill_nan(None)).null_count().row(0)
    return [
        name
        for name, old, new in zip(before.columns, nulls, after.null_count().row(0), strict=True)
        if new > old
    ]


def _given(values: pl.Series) -> pl.Series:
    return values.fill_nan(None) if values.dtype.is_float() else values
