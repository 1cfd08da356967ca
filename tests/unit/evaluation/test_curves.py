"""Curves to decide by."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from mlwright.evaluation.curves import cost_curve, coverage_curve, lift_curve


def scored(rows: int = 3_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, rows)
    return (rng.random(rows) < p).astype(float), p


def test_lift_is_precision_and_recall_of_the_rows_with_the_highest_scores() -> None:
    y, p = scored()
    for point in lift_curve(y, p):
        limit = np.sort(p)[-point.rows]
        assert point.precision.value == pytest.approx(precision_score(y, p >= limit))
        assert point.recall.value == pytest.approx(recall_score(y, p >= limit))
        assert point.lift.value == pytest.approx(point.precision.value / y.mean())
    assert point.recall.value == point.lift.value == 1.0


def test_intervals_of_lift_hold_the_truth_of_many_rows() -> None:
    y, p = scored(400_000, seed=1)
    truth = {round(point.share, 3): point.precision.value for point in lift_curve(y[:200_000], p[:200_000])}
    held = [
        point.precision.low <= truth[round(point.share, 3)] <= point.precision.high
        for start in range(200_000, 400_000, 2_000)
        for point in lift_curve(y[start : start + 2_000], p[start : start + 2_000])
        if point.share in (0.1, 0.5)
    ]
    assert np.mean(held) > 0.88


def test_without_a_positive_row_there_is_no_lift() -> None:
    assert lift_curve(np.zeros(10), np.arange(10.0)) == []


def test_cost_counts_missed_positives_and_false_alarms() -> None:
    y, p = scored()
    points = cost_curve(y, p, missed=7.0, false_alarm=2.0, thresholds=(0.3,))
    chosen = next(point for point in points if point.threshold == 0.3)
    (_, false_alarms), (missed, _) = confusion_matrix(y, p >= 0.3)
    assert chosen.cost.value == pytest.approx(1000 * (7 * missed + 2 * false_alarms) / len(y))
    assert chosen.positive_share == pytest.approx((p >= 0.3).mean())
    assert chosen.cost.low < chosen.cost.value < chosen.cost.high


def test_scores_that_are_all_equal_have_two_ends() -> None:
    points = cost_curve(np.array([0.0, 1.0]), np.array([0.5, 0.5]), thresholds=(0.6,))
    assert [point.cost.value for point in points] == [500.0, 500.0]


def test_the_surest_answers_are_right_more_often() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.random(2_000)
    right = (rng.random(2_000) < confidence).astype(float)
    points = coverage_curve(right, confidence)
    values = [point["accuracy"]["value"] for point in points]  # type: ignore[index]  # an object
    assert values[0] > 0.9
    assert values[-1] == pytest.approx(right.mean())
