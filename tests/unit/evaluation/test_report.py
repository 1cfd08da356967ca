from __future__ import annotations

import json

import numpy as np
import pytest

from mlwright.errors import TooFewRows
from mlwright.evaluation import calibrate, evaluate


def test_a_binary_evaluation_counts_missed_positives_and_false_alarms() -> None:
    y = np.array([0, 0, 0, 1, 1, 1, 1, 0] * 20, dtype=float)
    p = np.array([0.1, 0.6, 0.2, 0.9, 0.4, 0.8, 0.7, 0.3] * 20)
    found = evaluate("binary", y, p, classes=["ok", "fraud"], threshold=0.5)
    assert found["quality"] == {"positives": 80, "missed": 20, "negatives": 80, "false_alarms": 20}
    assert found["confusion"] == {
        "classes": ["ok", "fraud"],
        "rows": [[60, 20], [20, 60]],
        "axes": ["actual", "predicted"],
    }
    assert set(found["metrics"]) == {"average_precision", "auc", "log_loss", "accuracy"}  # type: ignore[call-overload]
    json.dumps(found, allow_nan=False)


def test_a_multiclass_evaluation_counts_errors() -> None:
    y = np.array([0, 1, 2] * 30, dtype=float)
    p = np.tile(np.eye(3) * 0.7 + 0.1, (30, 1))
    p[:9] = 1 / 3 + np.array([0.1, -0.05, -0.05])
    found = evaluate("multiclass", y, p)
    assert found["quality"] == {"rows": 90, "errors": 6}
    json.dumps(found, allow_nan=False)


def test_a_regression_evaluation_knows_which_errors_are_large() -> None:
    y = np.arange(1000, dtype=float)
    found = evaluate("regression", y, y + np.linspace(0, 10, 1000))
    assert found["quality"] == {"error_quantile": pytest.approx(9.0), "rows": 1000, "errors": 100}


def test_one_class_only_leaves_metrics_unknown_and_is_still_json() -> None:
    found = evaluate("binary", np.zeros(40), np.linspace(0, 1, 40))
    assert found["metrics"]["auc"] == {"value": None, "low": None, "high": None}  # type: ignore[index]
    json.dumps(found, allow_nan=False)


def test_calibration_measures_the_distance_of_rates() -> None:
    generator = np.random.default_rng(1)
    p = generator.random(50_000)
    y = (generator.random(50_000) < p).astype(float)
    assert calibrate(y, p).error < 0.01
    assert calibrate(y, p**2).error == pytest.approx(1 / 6, abs=0.01)


def test_no_rows_cannot_be_evaluated() -> None:
    with pytest.raises(TooFewRows):
        evaluate("binary", [], [])
