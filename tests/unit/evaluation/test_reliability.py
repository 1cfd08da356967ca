"""What was predicted beside what happened."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.evaluation.bootstrap import Drawing
from mlwright.evaluation.reliability import reliability_bins


def test_intervals_of_honest_predictions_hold_them_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        p = rng.random(2_000)
        y = (rng.random(2_000) < p).astype(float)
        held += [
            part.observed.low <= part.predicted <= part.observed.high
            for part in reliability_bins(y, p, Drawing(seed=seed, repetitions=200))
        ]
    assert 0.9 <= np.mean(held) <= 0.99


def test_predictions_that_are_twice_too_high_lie_outside() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.2, 0.9, 4_000)
    y = (rng.random(4_000) < p / 2).astype(float)
    bins = reliability_bins(y, p)
    assert all(part.observed.high < part.predicted for part in bins)
    assert sum(part.rows for part in bins) == 4_000


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_bin_where_all_rows_say_the_same_is_not_surer_than_its_rows_allow(value: float) -> None:
    [part] = reliability_bins(np.full(100, value), np.full(100, 0.5), bins=1)
    assert part.observed.value == value
    assert part.observed.high - part.observed.low == pytest.approx(0.03)


def test_rows_of_a_block_make_wider_intervals_than_rows_alone() -> None:
    rng = np.random.default_rng(2)
    days = np.repeat(np.arange(40), 50)
    rate = rng.uniform(0.1, 0.9, 40)[days]
    y, p = (rng.random(2_000) < rate).astype(float), np.full(2_000, 0.5)
    [alone] = reliability_bins(y, p, Drawing(seed=1), bins=1)
    [together] = reliability_bins(y, p, Drawing(days, seed=1), bins=1)
    assert together.observed.high - together.observed.low > 2 * (alone.observed.high - alone.observed.low)
