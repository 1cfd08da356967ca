"""What more rows would bring."""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.training.learning_curve import FEWEST_ROWS, LearningCurve, curve_rows, learning_curve

INPUTS = [Column(name, "number") for name in ("a", "b", "c")]


def table(rows: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 3))
    target = np.sin(3 * values[:, 0]) * values[:, 1] + 0.3 * rng.normal(size=rows)
    return pl.DataFrame(values, schema=["a", "b", "c"]), target


def curve(rows: int, noise: float) -> LearningCurve:
    train, target = table(rows, 1)
    test, y = table(1_000, 2)
    rng = np.random.default_rng(3)
    target, y = (part + noise * rng.normal(size=len(part)) for part in (target, y))
    return learning_curve(
        train, target, test, y, inputs=INPUTS, goal="regression", classes=0, metric="rmse", seed=7
    )


def test_a_model_that_still_learns_is_told_from_one_that_sees_noise() -> None:
    learns, idles = curve(2_000, 0.0), curve(2_000, 30.0)
    assert [rows for rows, _ in learns.points] == [250, 500, 1_000, 2_000]
    assert learns.points[0][1].value > learns.points[-1][1].value
    assert learns.gain.low > 0
    assert idles.gain.low < 0.3


def test_counts_are_learned_as_counts() -> None:
    train, value = table(1_600, 1)
    test, other = table(800, 2)
    rng = np.random.default_rng(4)
    counts, y = (rng.poisson(np.exp(part)).astype(float) for part in (value, other))
    found = learning_curve(
        train, counts, test, y, inputs=INPUTS, goal="poisson", classes=0, metric="poisson_deviance", seed=7
    )
    assert found.points[-1][1].value < found.points[0][1].value
    assert found.gain.is_known


def test_a_curve_that_does_not_fit_its_seconds_is_not_begun() -> None:
    assert curve_rows(100_000, 10, 1, 0.0) == 0
    assert curve_rows(100_000, 1_000, 100, 1.0) == 0
    assert FEWEST_ROWS <= curve_rows(100_000, 10, 1, 1.0) <= 12_000
    assert curve_rows(300, 10, 1, 1.0) == 300
