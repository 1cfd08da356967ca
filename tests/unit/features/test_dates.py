"""Parts of moments and ages, against the calendar of polars."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import (
    FittedTransform,
    TrainingRows,
    apply_transform,
    fit_linear_transform,
    fit_tree_transform,
    output_names,
)

ROWS = 2_000
RNG = np.random.default_rng(5)
START = datetime(2022, 1, 1)  # noqa: DTZ001  # columns hold moments in UTC without a zone
AT = pl.Series("at", [START + timedelta(minutes=int(m)) for m in RNG.integers(0, 2 * 525_600, ROWS)])
MINUTE_TELLS = (AT.dt.minute() < 15).to_numpy().astype(float)


def fitted(frame: pl.DataFrame, y: np.ndarray, *, time: str | None = "at") -> FittedTransform:
    inputs = [Column(name, "timestamp") for name in frame.columns]
    return fit_tree_transform(TrainingRows(frame, y, "binary", seed=7, time=time), inputs)


def test_the_parts_are_those_of_the_calendar() -> None:
    frame = pl.DataFrame({"at": AT})
    made = fitted(frame, MINUTE_TELLS)
    matrix = apply_transform(made.document, frame, [Column("at", "timestamp")])
    assert output_names(made.document) == [
        "at|minute", "at|hour", "at|weekday", "at|day", "at|month", "at|quarter"
    ]  # fmt: skip
    parts = [AT.dt.minute(), AT.dt.hour(), AT.dt.weekday() - 1, AT.dt.day(), AT.dt.month(), AT.dt.quarter()]
    assert np.array_equal(matrix, np.column_stack(parts))


def test_a_minute_that_tells_nothing_is_left_out() -> None:
    noise = (RNG.random(ROWS) < 0.3).astype(float)
    assert "at|minute" not in output_names(fitted(pl.DataFrame({"at": AT}), noise).document)


def test_the_days_between_two_moments_are_an_age() -> None:
    born = (AT - pl.Series(RNG.integers(1, 20_000, ROWS)).cast(pl.Duration("ms")) * 86_400_000).alias("born")
    born = pl.select(pl.when(pl.Series(RNG.random(ROWS) > 0.1)).then(born).alias("born")).to_series()
    frame = pl.DataFrame({"born": born, "at": AT})
    inputs = [Column("born", "timestamp"), Column("at", "timestamp")]
    made = fitted(frame, MINUTE_TELLS)
    place = output_names(made.document).index("born|age|at")
    found = apply_transform(made.document, frame, inputs)[:, place]
    days = (AT - born).dt.total_microseconds() / 86_400_000_000
    assert np.allclose(found, days.fill_null(float("nan")).to_numpy(), equal_nan=True, atol=0, rtol=1e-15)
    linear = fit_linear_transform(TrainingRows(frame, MINUTE_TELLS, "binary", seed=7), inputs)
    scaled = apply_transform(linear.document, frame, inputs)
    scaled = scaled[:, output_names(linear.document).index("born|age|at|scaled")]
    assert np.isfinite(scaled).all()
    assert abs(scaled.mean()) < 1e-9


@pytest.mark.promise("features.marks")
def test_no_age_tells_a_tree_when_it_is() -> None:
    exported = pl.Series("exported", [START + timedelta(days=800)] * ROWS)
    frame = pl.DataFrame({"at": AT, "exported": exported})
    names = output_names(fitted(frame, MINUTE_TELLS).document)
    assert not [name for name in names if "|age|" in name]
    assert "at|age|exported" in output_names(fitted(frame, MINUTE_TELLS, time=None).document)


def test_moments_of_which_nothing_is_known_give_nothing() -> None:
    empty = pl.Series("born", [None] * ROWS, dtype=pl.Datetime("us"))
    names = output_names(fitted(pl.DataFrame({"at": AT, "born": empty}), MINUTE_TELLS).document)
    assert not [name for name in names if name.startswith("born")]
