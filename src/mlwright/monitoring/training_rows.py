"""Served rows joined with their labels, in the shape of the training data, for a run to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlwright.monitoring.prediction_log import joined

if TYPE_CHECKING:
    import polars as pl

ColumnType: TypeAlias = Literal["number", "integer", "boolean", "string", "timestamp"]


def labelled_rows(
    log: Path,
    *,
    deployments: Sequence[str],
    columns: Mapping[str, ColumnType],
    label: str,
    unlabelled: Literal["drop", "negative"] = "drop",
    negative: object = None,
) -> pl.DataFrame:
    """Give what was served and labelled, one row per prediction, oldest first.

    `columns` are the columns of the training data with their types in the data contract, the label among
    them; a column that a request did not send is null. With `unlabelled="negative"` a row without a label
    counts as the class `negative`. Rows whose input was not logged are left out.
    """
    import polars as pl

    schema = {name: _dtype(kind) for name, kind in columns.items()}
    frames = []
    for deployment in deployments:
        served = joined(log, deployment).filter(pl.col("input").is_not_null() & (pl.col("input") != ""))
        if unlabelled == "drop":
            served = served.filter(pl.col("label").is_not_null() & (pl.col("label") != "null"))
        if served.height:
            frames.append(parse_rows(served, columns, label, negative))
    return pl.concat(frames).select(list(columns)) if frames else pl.DataFrame(schema=schema)


def parse_rows(
    served: pl.DataFrame, columns: Mapping[str, ColumnType], label: str, negative: object
) -> pl.DataFrame:
    """Read each value as text first: one odd value becomes a null, it does not spoil the column."""
    import polars as pl

    inputs = [name for name in columns if name != label]
    decoded = served.get_column("input").str.json_decode(
        pl.Struct({name: pl.String() for name in inputs or [label]})
    )
    rows = decoded.struct.unnest()
    given = served.get_column("label").str.strip_chars('"')
    text = given.fill_null(_as_text(negative)) if negative is not None else given
    typed = [_convert(rows.get_column(name), columns[name]).alias(name) for name in inputs]
    return pl.DataFrame([*typed, _convert(text, columns[label]).alias(label)])


def _convert(values: pl.Series, kind: ColumnType) -> pl.Series:
    import polars as pl

    if kind == "string":
        return values
    if kind == "number":
        return values.cast(pl.Float64, strict=False)
    if kind == "integer":
        return values.cast(pl.Int64, strict=False).fill_null(
            values.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
        )
    if kind == "boolean":
        lowered = values.str.to_lowercase()
        return lowered.replace_strict(
            {"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean
        )
    return _timestamps(values)


def _timestamps(values: pl.Series) -> pl.Series:
    """Read ISO texts and epoch microseconds as UTC instants without a zone, as the training data has them."""
    import polars as pl

    moments = values.str.replace("T", " ", literal=True).str.replace(r"(Z|[+-]\d\d:?\d\d)$", "")
    offset = values.str.extract(r"([+-]\d\d):?\d\d$").cast(pl.Int64, strict=False).fill_null(0)
    minutes = values.str.extract(r"[+-]\d\d:?(\d\d)$").cast(pl.Int64, strict=False).fill_null(0)
    parsed = moments.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    parsed = parsed.fill_null(moments.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False))
    parsed = parsed.fill_null(moments.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")))
    has_time = values.str.contains(":")
    shift = (offset * 60 + minutes * offset.sign().replace(0, 1)) * 60 * 1_000_000
    shift = shift.zip_with(has_time.fill_null(value=False), pl.zeros(len(shift), pl.Int64, eager=True))
    parsed = (parsed.cast(pl.Int64) - shift).cast(pl.Datetime("us"))
    return parsed.fill_null(values.cast(pl.Int64, strict=False).cast(pl.Datetime("us")))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dtype(kind: ColumnType) -> pl.DataType:
    import polars as pl

    types: dict[str, pl.DataType] = {
        "number": pl.Float64(),
        "integer": pl.Int64(),
        "boolean": pl.Boolean(),
        "string": pl.String(),
        "timestamp": pl.Datetime("us"),
    }
    return types[kind]
