from __future__ import annotations

import numpy as np
import pytest

from mlwright.evaluation import bootstrap_interval, metric_value, paired_difference


def coverage(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def test_the_interval_of_a_mean_covers_nominally() -> None:
    generator = np.random.default_rng(1)
    hits = []
    for trial in range(200):
        errors = generator.exponential(1.0, 150)
        found = bootstrap_interval("mae", np.zeros(150), errors, seed=trial)
        hits.append(found.low <= 1.0 <= found.high)
    assert 0.89 <= coverage(hits) <= 0.99


def test_the_interval_of_auc_covers_nominally() -> None:
    """Two normals one apart: AUC = Φ(1/√2)."""
    generator = np.random.default_rng(2)
    hits = []
    for trial in range(200):
        y = (generator.random(400) < 0.3).astype(float)
        found = bootstrap_interval("auc", y, generator.normal(y, 1.0), seed=trial)
        hits.append(found.low <= 0.760250 <= found.high)
    assert 0.90 <= coverage(hits) <= 0.99


def test_blocks_widen_the_interval_to_what_they_hide() -> None:
    """Rows of a day share its error: intervals by row are far too narrow, those by day cover."""
    generator = np.random.default_rng(3)
    by_day, by_row = [], []
    for trial in range(200):
        days = np.repeat(np.arange(12), 30)
        errors = 3 + generator.normal(0, 1, 12)[days] + generator.normal(0, 1, 360)
        for hits, blocks in ((by_day, days), (by_row, None)):
            found = bootstrap_interval("mae", np.zeros(360), errors, blocks=blocks, seed=trial)
            hits.append(found.low <= 3.0 <= found.high)
    assert 0.90 <= coverage(by_day) <= 0.99
    assert coverage(by_row) < 0.6


def test_equal_predictions_differ_by_nothing() -> None:
    y = np.tile([0.0, 1.0, 0.0], 50)
    p = np.linspace(0, 1, 150)
    found = paired_difference("auc", y, p, p)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["rmse", "r2", "mae"])
def test_better_predictions_have_a_positive_difference_for_losses_too(name: str) -> None:
    generator = np.random.default_rng(4)
    y = generator.normal(0, 1, 500)
    good, bad = y + generator.normal(0, 0.1, 500), y + generator.normal(0, 0.5, 500)
    found = paired_difference(name, y, good, bad)
    assert 0 < found.low < found.value < found.high
    assert found.value == pytest.approx(abs(metric_value(name, y, good) - metric_value(name, y, bad)))
    assert paired_difference(name, y, bad, good).high < 0


def test_no_difference_covers_nominally() -> None:
    generator = np.random.default_rng(5)
    hits = []
    for trial in range(150):
        y = (generator.random(500) < 0.3).astype(float)
        shared = generator.normal(y, 1.0)
        first, second = (shared + generator.normal(0, 0.5, 500) for _ in range(2))
        found = paired_difference("average_precision", y, first, second, seed=trial)
        hits.append(found.low <= 0 <= found.high)
    assert 0.89 <= coverage(hits) <= 0.99


def test_what_rows_do_not_determine_has_no_interval() -> None:
    assert not bootstrap_interval("auc", np.zeros(50), np.linspace(0, 1, 50)).is_known
    one_day = bootstrap_interval("mae", np.zeros(50), np.ones(50), blocks=np.zeros(50))
    assert not one_day.is_known
    assert one_day.to_json() == {"value": 1.0, "low": None, "high": None}


def test_the_same_seed_gives_the_same_interval() -> None:
    y, p = np.tile([0.0, 1.0], 100), np.random.default_rng(6).random(200)
    assert bootstrap_interval("auc", y, p, seed=3) == bootstrap_interval("auc", y, p, seed=3)
    assert bootstrap_interval("auc", y, p, seed=3) != bootstrap_interval("auc", y, p, seed=4)
