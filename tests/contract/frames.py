"""Run in an environment with pandas, pyarrow and duckdb: the same project from each, frames in and out."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import mlwright
from mlwright.data import read_table, same_kind
from mlwright.errors import ColumnRepeated

ODD = pd.DataFrame(
    {
        "float": [1.5, np.nan, 2],
        "text": ["a", None, "b"],
        "object": np.array([1, "x", np.nan], dtype=object),
        "numbers": np.array([np.int64(1), 2.5, None], dtype=object),
        "time": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
        "zone": pd.to_datetime(["2024-01-01T10:00"] * 3).tz_localize("Europe/Berlin"),
        "category": pd.Categorical(["u", "v", None]),
        "whole": pd.array([1, None, 3], dtype="Int64"),
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "day": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)],
        7: np.array([1, 2, 3], dtype="uint8"),
    },
    index=[10, 20, 30],
)
EXPECTED = {
    "float": [1.5, None, 2.0],
    "text": ["a", None, "b"],
    "object": ["1", "x", None],
    "numbers": [1.0, 2.5, None],
    "time": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2), None],  # noqa: DTZ001
    "zone": [dt.datetime(2024, 1, 1, 9)] * 3,  # noqa: DTZ001
    "category": ["u", "v", None],
    "whole": [1, None, 3],
    "boolean": [True, None, False],
    "day": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)],
    "7": [1, 2, 3],
}


def check_values() -> None:
    assert read_table(ODD).to_dict(as_series=False) == EXPECTED
    arrow = pa.table({"x": [1, None], "c": pa.array(["u", "v"]).dictionary_encode()})
    for table in (arrow, arrow.to_batches()[0], duckdb.sql("select * from arrow")):
        assert read_table(table).to_dict(as_series=False) == {"x": [1, None], "c": ["u", "v"]}
    try:
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    except ColumnRepeated:
        pass
    else:
        raise AssertionError("repeated names were taken")
    predictions = pl.DataFrame({"prediction": ["a", None, "b"], "score": [0.1, 0.2, 0.3]})
    made = same_kind(predictions, ODD)
    assert isinstance(made, pd.DataFrame)
    assert list(made.index) == [10, 20, 30]
    assert isinstance(same_kind(predictions, arrow), pa.Table)
    assert isinstance(same_kind(predictions, duckdb.sql("select 1 as x")), pl.DataFrame)


def check_project(folder: Path) -> None:
    x = np.arange(300) % 50
    table = pd.DataFrame({"x": x, "c": pd.Categorical(np.where(x % 2, "a", "b")), "y": x > 25}, index=x + 9)
    result = mlwright.init("shop", table, "y", folder=folder)
    assert result.task == "binary"
    assert mlwright.run(folder / "shop", trials=1).reference == "shop@1"
    frames = {
        kind: kind_of(table) for kind, kind_of in (("pandas", lambda t: t), ("arrow", pa.Table.from_pandas))
    }
    found = {
        kind: mlwright.predict("shop@1", frame, project=folder / "shop") for kind, frame in frames.items()
    }
    assert isinstance(found["pandas"], pd.DataFrame)
    assert isinstance(found["arrow"], pa.Table)
    assert list(found["pandas"].index) == list(table.index)
    assert found["pandas"]["score"].tolist() == found["arrow"]["score"].to_pylist()


if __name__ == "__main__":
    check_values()
    check_project(Path(sys.argv[1]))
