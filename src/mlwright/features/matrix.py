"""Frames as the compiled core reads them, and the one way to apply a transform."""

from __future__ import annotations

import json
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright import native
from mlwright.data import Column, require_column
from mlwright.errors import DataError
from mlwright.features.document import TransformDocument

NativeColumn: TypeAlias = tuple[
    str, str, npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.uint32], list[str] | None
]
NULL_TIME = np.iinfo(np.int64).min
NULL_CODE = np.iinfo(np.uint32).max


def native_columns(frame: pl.DataFrame, inputs: list[Column]) -> list[NativeColumn]:
    """Give columns of a conformed frame as (name, kind, values, levels). Raises `ColumnMissing`.

    >>> frame = pl.DataFrame({"shop": ["b", None, "a"]})
    >>> [(name, values.tolist(), levels) for name, _, values, levels in
    ...     native_columns(frame, [Column("shop", "string")])]
    [('shop', [0, 4294967295, 1], ['b', 'a'])]
    """
    names = dict.fromkeys(frame.columns)
    for column in inputs:
        if column.name not in names:
            require_column(column.name, frame.columns)
    return [_native(frame[column.name], column) for column in inputs]


def apply_transform(
    document: TransformDocument, frame: pl.DataFrame, inputs: list[Column]
) -> npt.NDArray[np.float64]:
    """Compute the outputs of a transform for the rows of a conformed frame: float64 [rows, outputs].

    The same compiled code runs in the server, so training and serving see the same bits. Raises
    `ColumnMissing`, and `DataError` when document and columns do not fit.
    """
    columns = native_columns(frame, inputs)
    try:
        return native.transform(json.dumps(document), columns, frame.height)
    except native.NativeError as cause:
        raise DataError(
            f"the transform cannot read these columns: {cause.args[-1]}",
            hint="conform the rows to the contract of the model first",
        ) from cause


def to_floats(values: pl.Series) -> npt.NDArray[np.float64]:
    """Give numbers or booleans with NaN for null.

    >>> to_floats(pl.Series([True, None])).tolist()
    [1.0, nan]
    """
    return np.asarray(values.cast(pl.Float64).to_numpy(), dtype=np.float64)  # polars fills nulls of floats


def _native(values: pl.Series, column: Column) -> NativeColumn:
    if column.type == "string":
        return _coded(values, column)
    if column.type == "timestamp":
        moments = values.cast(pl.Datetime("us")).to_physical().fill_null(NULL_TIME)
        return column.name, "timestamp", np.ascontiguousarray(moments.to_numpy(), dtype=np.int64), None
    return column.name, column.type, np.ascontiguousarray(to_floats(values)), None


def _coded(values: pl.Series, column: Column) -> NativeColumn:
    texts = values.cast(pl.String)
    levels = texts.drop_nulls().unique(maintain_order=True)
    codes = texts.replace_strict(
        levels, pl.Series(range(len(levels)), dtype=pl.UInt32), default=NULL_CODE, return_dtype=pl.UInt32
    )
    coded = np.ascontiguousarray(codes.fill_null(NULL_CODE).to_numpy(), dtype=np.uint32)
    return column.name, "string", coded, levels.to_list()
