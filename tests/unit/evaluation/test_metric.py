from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from mlwright.evaluation import is_loss, metric_value, told_metrics

GENERATOR = np.random.default_rng(5)
ROWS = 3_000
WEIGHTS = GENERATOR.integers(0, 4, ROWS).astype(float)
Y = (GENERATOR.random(ROWS) < 0.2).astype(float)
P = np.clip(0.25 * Y + GENERATOR.random(ROWS) * 0.7, 0.001, 0.999)
CLASSES = GENERATOR.integers(0, 3, ROWS)
SCORES = GENERATOR.random((ROWS, 3)) + np.eye(3)[CLASSES] * 0.4
SCORES /= SCORES.sum(axis=1, keepdims=True)
NUMBERS = GENERATOR.normal(3, 2, ROWS)
GUESSES = NUMBERS + GENERATOR.normal(0, 1, ROWS)


@pytest.mark.parametrize("digits", [12, 2, 1])
@pytest.mark.parametrize("weights", [np.ones(ROWS), WEIGHTS], ids=["plain", "weighted"])
def test_binary_metrics_equal_those_of_scikit_learn(digits: int, weights: np.ndarray) -> None:
    p = P.round(digits)
    for name, theirs in (
        ("auc", metrics.roc_auc_score),
        ("average_precision", metrics.average_precision_score),
        ("log_loss", metrics.log_loss),
    ):
        expected = theirs(Y, p, sample_weight=weights)
        assert metric_value(name, Y, p, weights=weights) == pytest.approx(expected, rel=1e-12)
    expected = metrics.accuracy_score(Y, p >= 0.3, sample_weight=weights)
    assert metric_value("accuracy", Y, p, weights=weights, threshold=0.3) == pytest.approx(expected)


def test_multiclass_metrics_equal_those_of_scikit_learn() -> None:
    assert metric_value("log_loss", CLASSES, SCORES) == pytest.approx(metrics.log_loss(CLASSES, SCORES))
    expected = metrics.accuracy_score(CLASSES, SCORES.argmax(axis=1))
    assert metric_value("accuracy", CLASSES, SCORES) == pytest.approx(expected)
    expected = metrics.roc_auc_score(CLASSES, SCORES, multi_class="ovr")
    assert metric_value("auc", CLASSES, SCORES) == pytest.approx(expected)
    expected = metrics.average_precision_score(np.eye(3)[CLASSES], SCORES)
    assert metric_value("average_precision", CLASSES, SCORES) == pytest.approx(expected)


def test_regression_metrics_equal_those_of_scikit_learn() -> None:
    for name, theirs in (
        ("rmse", metrics.root_mean_squared_error),
        ("mae", metrics.mean_absolute_error),
        ("r2", metrics.r2_score),
    ):
        expected = theirs(NUMBERS, GUESSES, sample_weight=WEIGHTS)
        assert metric_value(name, NUMBERS, GUESSES, weights=WEIGHTS) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["auc", "average_precision"])
def test_a_metric_that_rows_do_not_determine_is_not_a_number(name: str) -> None:
    assert np.isnan(metric_value(name, np.zeros(10), np.linspace(0, 1, 10)))
    assert np.isnan(metric_value("r2", np.ones(5), np.ones(5)))


def test_losses_are_known() -> None:
    assert [name for name in told_metrics("regression") if is_loss(name)] == ["rmse", "mae"]


def test_labels_and_predictions_must_match() -> None:
    with pytest.raises(ValueError, match="3 labels and 2 predictions"):
        metric_value("auc", [0, 1, 1], [0.1, 0.2])
