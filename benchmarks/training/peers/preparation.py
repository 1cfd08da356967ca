"""A table as the boosting libraries take it: numbers, categories, parts of dates; free text is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

MANY = 1000  # distinct values from which a column of texts with spaces counts as free text


@dataclass(frozen=True)
class Preparation:
    """Levels of categories as they were seen in training; others become missing."""

    levels: dict[str, pd.Index]
    dropped: tuple[str, ...]

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give the prepared columns of a frame."""
        columns: dict[str, pd.Series] = {}
        for name in frame.columns:
            if name in self.dropped:
                continue
            values = frame[name]
            if types.is_datetime64_any_dtype(values):
                columns |= _date_parts(name, values)
            elif name in self.levels:
                columns[name] = pd.Series(
                    pd.Categorical(values, categories=self.levels[name]), index=frame.index
                )
            else:
                columns[name] = values.astype(float)
        prepared = pd.DataFrame(columns, index=frame.index)
        prepared.columns = [f"c{place}" for place in range(prepared.shape[1])]
        return prepared


def fit_preparation(frame: pd.DataFrame) -> Preparation:
    """Learn the levels of text columns."""
    levels, dropped = {}, []
    for name in frame.columns:
        values = frame[name]
        if types.is_numeric_dtype(values) or types.is_datetime64_any_dtype(values):
            continue
        known = values.dropna()
        if known.nunique() > MANY and known.astype(str).str.contains(" ").mean() > 0.5:
            dropped.append(name)
        else:
            levels[name] = pd.Index(sorted(known.unique()))
    return Preparation(levels, tuple(dropped))


def _date_parts(name: str, values: pd.Series) -> dict[str, pd.Series]:
    parts = values.dt
    seconds = (values - pd.Timestamp("1970-01-01")).dt.total_seconds()
    return {
        f"{name} day": np.floor(seconds / 86400),
        f"{name} month": parts.month.astype(float),
        f"{name} day of month": parts.day.astype(float),
        f"{name} weekday": parts.weekday.astype(float),
        f"{name} hour": parts.hour.astype(float),
    }
