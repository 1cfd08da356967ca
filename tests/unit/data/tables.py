"""Small tables with the look of real ones."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

START = "2024-01-01"


def transactions(*, seed: int = 1, days: int = 60, rows_per_day: int = 200) -> pl.DataFrame:
    """Card payments with a weekly season, inflation and 1 % fraud."""
    generator = np.random.default_rng(seed)
    rows = days * rows_per_day
    day = np.sort(generator.integers(0, days, rows))
    moments = np.datetime64(START, "us") + (
        day.astype("timedelta64[D]") + generator.integers(0, 86_400, rows).astype("timedelta64[s]")
    )
    season = (1 + 0.3 * np.isin(day % 7, [5, 6])) * (1 + 0.001 * day)
    distance = np.where(generator.random(rows) < 0.1, np.nan, generator.exponential(20.0, rows).round(1))
    frame = pl.DataFrame(
        {
            "transaction_id": np.arange(rows),
            "ts": moments,
            "customer_id": generator.integers(0, 400, rows),
            "amount": (np.exp(generator.normal(3.0, 1.1, rows)) * season).round(2),
            "category": generator.choice(list("abcde"), rows, p=[0.4, 0.3, 0.15, 0.1, 0.05]),
            "distance": distance,
            "is_fraud": (generator.random(rows) < 0.01).astype(np.int64),
        }
    )
    return frame.with_columns(pl.col("distance").fill_nan(None)).sort("ts")


def on_day(day: date) -> pl.Expr:
    """Select the rows of a day."""
    return pl.col("ts").dt.date() == day
