"""The five types a column can have, how they are recognised, and how values become them."""

from __future__ import annotations

import re

import polars as pl

from mlwright.data.column import ColumnType

TRUTH = {"true": True, "1": True, "false": False, "0": False}
LOOKS_LIKE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
LEADING_ZERO = r"^[+-]?0\d"


def infer_type(values: pl.Series, *, is_text: bool = False) -> ColumnType | None:
    """Recognise a column's type, None when it holds nothing that a model could read.

    `is_text` says that numbers may be written as text, as in a CSV file. Text in the form of ISO dates is
    a timestamp everywhere.

    >>> import polars as pl
    >>> infer_type(pl.Series(["1", "2", None]), is_text=True), infer_type(pl.Series(["1"]))
    ('integer', 'string')
    """
    dtype = values.dtype
    if values.null_count() == len(values):
        return None
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number" if values.fill_nan(None).drop_nulls().len() or not dtype.is_float() else None
    if dtype in (pl.Date, pl.Datetime):
        return "timestamp"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _infer_text(values.cast(pl.String).drop_nulls(), is_text=is_text)
    return None


def convert(values: pl.Series, kind: ColumnType) -> pl.Series:
    """Turn values into a type; what does not fit is null. NaN is null, moments are UTC without a zone."""
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    match kind:
        case "number":
            return values.cast(pl.Float64, strict=False).fill_nan(None)
        case "integer":
            return _integers(values)
        case "boolean":
            return _booleans(values)
        case "string":
            return _texts(values)
        case "timestamp":
            return _timestamps(values)


def _infer_text(texts: pl.Series, *, is_text: bool) -> ColumnType:
    sample = texts.head(100)
    if all(LOOKS_LIKE_DATE.fullmatch(text) for text in sample) and not _timestamps(texts).null_count():
        return "timestamp"
    if not is_text:
        return "string"
    if texts.str.to_lowercase().is_in(["true", "false"]).all():
        return "boolean"
    if texts.cast(pl.Float64, strict=False).null_count() or texts.str.contains(LEADING_ZERO).any():
        return "string"
    return "string" if not len(texts) else "number" if _integers(texts).null_count() else "integer"


def _integers(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        whole = values.cast(pl.Int64, strict=False)
        return whole.fill_null(_whole(values.cast(pl.Float64, strict=False)))
    if values.dtype.is_float() or values.dtype.is_decimal():
        return _whole(values.cast(pl.Float64, strict=False))
    return values.cast(pl.Int64, strict=False)


def _whole(values: pl.Series) -> pl.Series:
    frame = values.alias("x").to_frame()
    column = pl.when(pl.col("x").is_finite() & (pl.col("x") == pl.col("x").floor())).then(pl.col("x"))
    return frame.select(column.cast(pl.Int64, strict=False).alias(values.name)).to_series()


def _booleans(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        return values
    if values.dtype == pl.String:
        return values.str.to_lowercase().replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)
    texts = _integers(values).cast(pl.String)
    return texts.replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)


def _texts(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():
        whole = _whole(values).cast(pl.String)
        return whole.fill_null(values.cast(pl.String))
    return values.cast(pl.String, strict=False)


def _timestamps(values: pl.Series) -> pl.Series:
    moment = pl.Datetime("us")
    if values.dtype == pl.Date:
        return values.cast(moment)
    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return values.cast(moment)
    if values.dtype == pl.String:
        return _parse_timestamps(values)
    return values.cast(pl.Int64, strict=False).cast(moment)


def _parse_timestamps(values: pl.Series) -> pl.Series:
    """Read ISO texts: date, `T` or space, optional seconds, fraction, and `Z` or an offset."""
    offset = values.str.extract(r":\d{2}(?:\.\d+)?([+-]\d{2}:?\d{2})$")
    plain = values.str.replace(r"(:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:?\d{2})$", "${1}").str.replace("T", " ")
    parsed = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    if parsed.null_count():
        parsed = parsed.fill_null(plain.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False))
        days = plain.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
        parsed = parsed.fill_null(days)
    if offset.null_count() == len(offset):
        return parsed
    sign = offset.str.slice(0, 1).replace_strict({"-": -1, "+": 1}, default=0, return_dtype=pl.Int64)
    hours = offset.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = offset.str.replace(":", "").str.slice(3, 2).cast(pl.Int64, strict=False)
    shift = (sign * (hours * 60 + minutes) * 60_000_000).fill_null(0)
    return (parsed.cast(pl.Int64) - shift).cast(pl.Datetime("us"))
