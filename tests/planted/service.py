"""A year of honest orders in which faults can be planted, with the answers of a good model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Finding
from mlwright.project import DataConfig, SplitConfig, TrainingConfig
from mlwright.training.checks import CheckInput, run_checks
from tests.planted.tables import column_of

START = 1_640_995_200_000_000  # 2022-01-01 in microseconds
DAY = 86_400_000_000
Floats = npt.NDArray[np.float64]


def orders(seed: int, *, rows: int = 4_000, days: int = 500, task: str = "binary") -> CheckInput:
    """Give orders in time whose label depends on amount and shop, and scores that know the truth."""
    random = np.random.default_rng(seed)
    moments = pl.Series(START + np.sort(random.integers(0, days * DAY, rows))).cast(pl.Datetime("us"))
    amount, shop = random.normal(size=rows), random.choice(["a", "b", "c", "d"], rows)
    frame = pl.DataFrame(
        {
            "at": moments,
            "amount": amount,
            "visits": random.integers(0, 9, rows),
            "shop": shop,
            "age": np.where(random.random(rows) < 0.1, np.nan, random.normal(40, 12, rows)),
            "sex": random.choice(["f", "m"], rows),
        }
    ).with_columns(pl.col("age").fill_nan(None))
    signal = 1.2 * amount + (shop == "a") - 1.2
    chance = 1 / (1 + np.exp(-signal))
    binary = (random.random(rows) < chance).astype(float)
    target = binary if task == "binary" else signal + random.normal(size=rows)
    cut = int(0.7 * rows)
    test = np.arange(cut, rows)
    return CheckInput(
        frame=frame.with_columns(pl.Series("y", target)),
        inputs=tuple(column_of(frame[name]) for name in frame.columns if name != "at"),
        target=target,
        task="binary" if task == "binary" else "regression",
        data=DataConfig(label="y", time="at", split=SplitConfig(by="at"), sensitive=("sex",)),
        train=np.arange(cut),
        test=test,
        scores=(chance if task == "binary" else signal)[test],
        training=TrainingConfig(metric="auc" if task == "binary" else "rmse", threshold="best_f1"),
        threshold=0.35 if task == "binary" else None,
        blocks=moments.dt.date().rank("dense").cast(pl.Int64).to_numpy()[test],
    )


def changed(given: CheckInput, **values: Any) -> CheckInput:
    """Give the same with other values."""
    return replace(given, **values)


def with_values(given: CheckInput, name: str, values: pl.Series) -> CheckInput:
    """Give the same with a column of other values, or one column more."""
    column = values.alias(name)
    inputs = tuple(one for one in given.inputs if one.name != name)
    return replace(given, frame=given.frame.with_columns(column), inputs=(*inputs, column_of(column)))


def alarms(given: CheckInput, *, off: tuple[str, ...] = ()) -> dict[str, Finding]:
    """Give what all checks warn of, by key."""
    found = run_checks(given, off=off)
    return {finding.key: finding for finding in found if finding.severity != "info"}
