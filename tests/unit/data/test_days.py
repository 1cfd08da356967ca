"""Columns are measured alike whether the rows of one day are sorted or grouped."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from mlwright.data.column import ColumnType
from mlwright.data.days import DAY, measure_days, with_day

TYPES: dict[str, ColumnType] = {
    "number": "number",
    "empty": "number",
    "count": "integer",
    "word": "string",
    "flag": "boolean",
}


def test_a_table_without_days_is_measured_like_one_day() -> None:
    frame = _frame()
    alone = measure_days(with_day(frame, None), TYPES)
    grouped = measure_days(frame.with_columns(pl.lit(date(2024, 1, 5)).alias(DAY)), TYPES)
    assert (alone.days, grouped.days) == ([None], [date(2024, 1, 5)])
    for what in ("rows", "nulls", "top", "medians"):
        np.testing.assert_allclose(getattr(alone, what), getattr(grouped, what))


def test_the_commonest_value_and_the_middle_are_those_of_the_values_given() -> None:
    found = measure_days(with_day(_frame(), None), TYPES)
    assert found.top[0].tolist() == [3.0, 0.0, 2.0, 4.0, 3.0]
    assert found.nulls[0].tolist() == [1.0, 7.0, 0.0, 2.0, 2.0]
    assert found.medians[0][[0, 2]].tolist() == [2.25, 4.0]


@pytest.mark.parametrize("rows", [1, 2, 5, 400])
def test_sorting_agrees_with_polars_on_any_numbers(rows: int) -> None:
    generator = np.random.default_rng(rows)
    values = generator.normal(size=(rows, 12)).round(1)
    values[generator.random(values.shape) < 0.3] = np.nan
    values[generator.random(values.shape) < 0.1] = -np.inf
    frame = pl.DataFrame(values).fill_nan(None)
    types: dict[str, ColumnType] = dict.fromkeys(frame.columns, "number")
    found = measure_days(with_day(frame, None), types)
    wanted = [frame[name].median() for name in frame.columns]
    np.testing.assert_allclose(found.medians[0], [np.nan if value is None else value for value in wanted])
    tops = [frame[name].drop_nulls().unique_counts().max() or 0 for name in frame.columns]
    assert found.top[0].tolist() == tops


def _frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": [2.0, 2.5, -1.0, 2.5, None, 2.5, 0.0],
            "empty": pl.Series([None] * 7, dtype=pl.Float64),
            "count": [1, 2, 3, 4, 5, 5, 6],
            "word": ["a", "a", None, "a", "b", "a", None],
            "flag": [True, False, True, None, True, False, None],
        }
    )
