"""Which rows of a table with a time are recent: the test rows of a split by time, else the last fifth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.training.checks.check import CheckInput, Floats, Rows

RECENT = 0.8  # quantile of the time after which rows are recent
FEWEST_ROWS = 100


@dataclass(frozen=True)
class Recent:
    """Rows before and after a moment, and the times of all rows (microseconds or a number as it is)."""

    before: Rows
    after: Rows
    times: Floats
    is_moment: bool


def recent_rows(given: CheckInput) -> Recent | None:
    """Divide rows at a moment; None without a time or with too few rows on a side."""
    name = given.data.time
    if name is None or name not in given.frame.columns:
        return None
    values = given.frame[name]
    is_moment = values.dtype.is_temporal()
    if is_moment:
        values = values.cast(pl.Datetime("us")).to_physical()
    times = values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    before, after = given.train, given.test
    if given.data.split.by != name or not len(after):
        rows = np.flatnonzero(np.isfinite(times))
        if not len(rows):
            return None
        cut = float(np.quantile(times[rows], RECENT))
        before, after = rows[times[rows] <= cut], rows[times[rows] > cut]
    if min(len(before), len(after)) < FEWEST_ROWS:
        return None
    return Recent(before, after, times, is_moment)
