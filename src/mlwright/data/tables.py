"""Tables of other data frame libraries, turned into ours and back by narwhals; none of them is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlwright.data.sql_source import series_of
from mlwright.errors import ColumnRepeated, UsageError

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def read_table(table: object) -> pl.DataFrame:
    """Give the rows of a pandas, Polars, Arrow or other table that narwhals knows; its index is left out.

    Raises `UsageError` for what is no table, `ColumnRepeated`.

    >>> read_table(pl.LazyFrame({"x": [1]})).columns
    ['x']
    """
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    wrapped = _wrapped(table)
    if wrapped is None:
        return _streamed(table)
    if not hasattr(wrapped, "is_empty"):  # a query that has not run
        return pl.DataFrame(wrapped.collect(backend="polars").to_native())
    if wrapped.implementation.is_pyarrow():
        return pl.DataFrame(pl.from_arrow(wrapped.to_native()))
    return pl.DataFrame([_series(values, str(values.name)) for values in wrapped.iter_columns()])


def same_kind(frame: pl.DataFrame, like: object) -> object:
    """Turn rows into the kind of table that `like` is, with its index where it has one.

    What is no table of a library that can be made (a query, a stream) gets a Polars frame.

    >>> type(same_kind(pl.DataFrame({"x": [1]}), pl.LazyFrame())).__name__
    'DataFrame'
    """
    wrapped = None if isinstance(like, pl.DataFrame | pl.LazyFrame) else _wrapped(like)
    if wrapped is None or not hasattr(wrapped, "is_empty"):
        return frame
    import narwhals.stable.v2 as nw

    values = {name: _values(frame[name]) for name in frame.columns}
    made = nw.to_native(nw.from_dict(values, backend=wrapped.implementation))
    index = nw.maybe_get_index(wrapped)
    if index is not None:
        made.index = index
    return made


def _wrapped(table: Any) -> Any:
    """Wrap a table; None for one that only Arrow's own interface tells of."""
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(table)
    except TypeError as cause:
        if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
            return None
        raise _no_table(table) from cause
    except ValueError as cause:  # narwhals says so of repeated names
        raise ColumnRepeated(
            "several columns of the table have the same name", hint="give each column a name of its own"
        ) from cause


def _streamed(table: Any) -> pl.DataFrame:
    try:
        return pl.DataFrame(table)
    except pl.exceptions.PolarsError as cause:
        raise _no_table(table) from cause


def _no_table(table: object) -> UsageError:
    return UsageError(
        f"this {type(table).__name__} is no table",
        hint="give the name of a file, or a pandas, Polars or Arrow table",
    )


def _series(values: nw.Series[Any], name: str) -> pl.Series:
    """Take one column: as an array where it is one, else value by value."""
    import narwhals.stable.v2 as nw

    dtype = values.dtype
    missing = values.is_null()
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        moments = np.asarray(values.to_numpy(), dtype="datetime64[us]")
        return pl.Series(name, moments, dtype=pl.Datetime("us"), nan_to_null=True)
    if (dtype.is_numeric() or dtype == nw.Boolean) and not missing.any():
        array = np.asarray(values.to_numpy())
        if array.dtype.kind in "iufb":
            return pl.Series(name, array)
    given = zip(values.to_list(), missing.to_list(), strict=True)
    return series_of(name, [None if is_missing else _plain(value) for value, is_missing in given])


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _values(values: pl.Series) -> object:
    return values.to_numpy() if values.dtype.is_numeric() and not values.null_count() else values.to_list()
