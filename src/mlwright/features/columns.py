"""Hand data frames to the compiled core."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright import native
from mlwright.data import Column
from mlwright.store import canonical_json

NULL_CODE = np.iinfo(np.uint32).max
NULL_TIME = np.iinfo(np.int64).min


def native_columns(frame: pl.DataFrame, inputs: Sequence[Column]) -> list[native.Column]:
    """Give the input columns as arrays: float64 (NaN is null), microseconds, or codes with their levels."""
    return [_native(frame[column.name], column) for column in inputs]


def apply_transform(
    document: dict[str, object], frame: pl.DataFrame, inputs: Sequence[Column]
) -> npt.NDArray[np.float64]:
    """Run a transform document over a frame with the code that serves it; gives `[rows, outputs]`."""
    return native.transform(canonical_json(document), native_columns(frame, inputs), frame.height)


def _native(values: pl.Series, column: Column) -> native.Column:
    if column.type == "timestamp":
        micros = values.cast(pl.Datetime("us")).to_physical().fill_null(NULL_TIME).to_numpy()
        return (column.name, "timestamp", np.ascontiguousarray(micros, dtype=np.int64), None)
    if column.type == "string":
        levels = values.drop_nulls().unique().sort()
        codes = values.cast(pl.Enum(levels)).to_physical().cast(pl.UInt32).fill_null(NULL_CODE).to_numpy()
        return (column.name, "string", np.ascontiguousarray(codes), levels.to_list())
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return (column.name, column.type, np.ascontiguousarray(numbers), None)
