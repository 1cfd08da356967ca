"""The five types a column can have, how they are recognised, and how values become them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from mlwright.data.column import ColumnType

TRUTH = {"true": True, "1": True, "false": False, "0": False}
LOOKS_LIKE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
HAS_ZONE = r":\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})$"
HAS_CLOCK = r"[T ]\d{2}:\d{2}"
LEADING_ZERO = r"^[+-]?0\d"
MANY_DIGITS = r"^[+-]?\d{16,}$"  # more than a float64 tells apart
MOST_INTEGER = 2**63 - 1


def infer_types(frame: pl.DataFrame, *, is_text: bool = False) -> dict[str, ColumnType | None]:
    """Recognise the type of each column, None for one that holds nothing that a model could read.

    `is_text` says that numbers may be written as text, as in a CSV file. Text in the form of ISO dates is
    a timestamp everywhere; where only some of the times name a zone it stays text.

    >>> import polars as pl
    >>> infer_types(pl.DataFrame({"a": ["1", "2", None], "b": [None, True, True]}), is_text=True)
    {'a': 'integer', 'b': 'boolean'}
    """
    given = _given_counts(frame)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and given[name]]
    numbers = _number_texts(frame.select(texts), given) if is_text else {}
    found: dict[str, ColumnType | None] = {}
    for name, kind in frame.schema.items():
        if not given[name]:
            found[name] = None
        elif kind.is_float():  # without its values: there may be thousands of such columns
            found[name] = "number"
        else:
            found[name] = numbers.get(name) or _plain_type(frame[name], is_text=is_text)
    return found


def infer_type(values: pl.Series, *, is_text: bool = False) -> ColumnType | None:
    """Recognise one column's type like `infer_types`.

    >>> import polars as pl
    >>> infer_type(pl.Series(["1", "2", None]), is_text=True), infer_type(pl.Series(["1"]))
    ('integer', 'string')
    """
    return infer_types(values.alias("x").to_frame(), is_text=is_text)["x"]


def convert_columns(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    """Turn columns into their types like `convert`, many of them at once."""
    kinds = frame.schema
    alike: dict[tuple[pl.DataType, ColumnType], list[str]] = {}
    for name, kind in types.items():
        alike.setdefault((kinds[name], kind), []).append(name)
    made: list[pl.Expr | pl.Series] = []
    for (dtype, kind), names in alike.items():
        found = _expression(names, dtype, kind)
        made += [convert(frame[name], kind) for name in names] if found is None else [found]
    return frame.select(made).select(pl.col(list(types)))


def mixes_zones(texts: pl.Series) -> bool:
    """Answer whether some of these times name a zone and others do not."""
    clocked = texts.filter(texts.str.contains(HAS_CLOCK))
    return clocked.str.contains(HAS_ZONE).n_unique() > 1


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


def _given_counts(frame: pl.DataFrame) -> dict[str, int]:
    """Count the values of each column; NaN is none."""
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    empty = dict(zip(frame.columns, frame.null_count().row(0), strict=True)) if frame.width else {}
    given = {name: frame.height - count for name, count in empty.items()}
    if floats:
        given.update(frame.select(pl.col(floats).is_not_nan().sum()).row(0, named=True))
    return given


def _number_texts(frame: pl.DataFrame, given: Mapping[str, int]) -> dict[str, ColumnType]:
    """Give the columns of texts that are all numbers; a leading zero makes a code of a number.

    One value with a decimal point makes numbers of all: other rows may hold fractions.
    """
    if not frame.width:
        return {}
    texts = pl.all()
    plain = texts.cast(pl.Float64, strict=False).is_not_null() & ~texts.str.contains(LEADING_ZERO)
    counts = zip(frame.columns, frame.select(plain.sum()).row(0), strict=True)
    names = [name for name, count in counts if count == given[name]]
    codes = _codes(frame, names)
    names = [name for name in names if name not in codes]
    if not names:
        return {}
    whole = frame.select(pl.col(names).cast(pl.Int64, strict=False).is_not_null().sum()).row(0)
    return {
        name: "integer" if count == given[name] else "number"
        for name, count in zip(names, whole, strict=True)
    }


def _codes(frame: pl.DataFrame, names: list[str]) -> set[str]:
    """Name the columns of digits that are different texts and the same number, such as those of accounts."""
    if not names:
        return set()
    long = frame.select(pl.col(names).str.contains(MANY_DIGITS).any()).row(0)
    found = set()
    for name, is_long in zip(names, long, strict=True):
        if is_long:
            texts = frame[name].drop_nulls()
            wholes = texts.cast(pl.Int64, strict=False)
            is_exact = not wholes.null_count()
            if not is_exact and texts.cast(pl.Float64, strict=False).n_unique() < texts.n_unique():
                found.add(name)
    return found


def _whole_texts(names: list[str]) -> pl.Expr:
    number = pl.col(names).cast(pl.Float64, strict=False)
    whole = pl.when(number.is_finite() & (number == number.floor())).then(number)
    return pl.col(names).cast(pl.Int64, strict=False).fill_null(whole.cast(pl.Int64, strict=False))


def _expression(names: list[str], dtype: pl.DataType, kind: ColumnType) -> pl.Expr | None:
    """Give the conversion of columns of one type as an expression; None where `convert` has more to do."""
    columns = pl.col(names)
    if kind == "number" and (dtype.is_numeric() or dtype == pl.String):
        return columns.cast(pl.Float64, strict=False).fill_nan(None)
    if kind == "integer" and dtype.is_integer():
        return columns.cast(pl.Int64, strict=False)
    if kind == "integer" and dtype == pl.String:
        return _whole_texts(names)
    is_there = dtype == (pl.Boolean if kind == "boolean" else pl.String)
    return columns if is_there and kind in {"boolean", "string"} else None


def _plain_type(values: pl.Series, *, is_text: bool) -> ColumnType | None:
    dtype = values.dtype
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        highest = values.max() if dtype in (pl.UInt64, pl.Int128, pl.UInt128) else None
        return "string" if isinstance(highest, int) and highest > MOST_INTEGER else "integer"
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.Date, pl.Datetime):
        return "timestamp"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _text_type(values.cast(pl.String).drop_nulls(), is_text=is_text)
    return None


def _text_type(texts: pl.Series, *, is_text: bool) -> ColumnType:
    if all(LOOKS_LIKE_DATE.fullmatch(text) for text in texts.head(100)):
        is_time = not _timestamps(texts).null_count() and not mixes_zones(texts)
        return "timestamp" if is_time else "string"
    if is_text and texts.str.to_lowercase().is_in(["true", "false"]).all():
        return "boolean"
    return "string"


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
