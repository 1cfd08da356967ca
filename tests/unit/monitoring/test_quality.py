from __future__ import annotations

import random

import pytest

from mlwright.monitoring import Reference
from mlwright.monitoring.quality import QualityDetector
from mlwright.project import MonitorConfig
from tests.unit.monitoring.labelled_stream import BINARY, labels, outcome


def _detector(reference: Reference = BINARY, per: float = 100_000.0) -> QualityDetector:
    return QualityDetector("quality", MonitorConfig("quality", false_alarms_per=per), reference)


def _labels_until_alarm(
    detector: QualityDetector, rng: random.Random, most: int, **rates: float
) -> int | None:
    for count, item in enumerate(labels(rng, most, **rates), 1):
        detector.observe(item)
        if detector.judge().verdict == "fail":
            return count
    return None


def test_few_labels_are_inconclusive_never_pass() -> None:
    detector = _detector()
    assert detector.judge().verdict == "inconclusive"
    for item in labels(random.Random(1), 29):
        detector.observe(item)
    assert detector.judge().verdict == "inconclusive"


def test_an_imported_model_without_evaluation_is_inconclusive() -> None:
    detector = _detector(Reference("binary", (0, 1), 1, {}, ()))
    for item in labels(random.Random(1), 500):
        detector.observe(item)
    assert detector.judge().verdict == "inconclusive"


@pytest.mark.promise("monitor.quality")
def test_a_rate_at_its_reference_does_not_alarm_more_often_than_stated() -> None:
    rng = random.Random(11)
    alarms = sum(_labels_until_alarm(_detector(per=20_000), rng, 4_000) is not None for _ in range(25))
    # 25 x 4 000 labels at a budget of one in 20 000 allow 5 on average at the very edge of the tolerance
    assert alarms <= 1


@pytest.mark.promise("monitor.quality")
def test_missed_positives_are_noticed_and_named() -> None:
    detector = _detector()
    found = _labels_until_alarm(detector, random.Random(5), 30_000, missed=0.6)
    assert found is not None
    assert found <= 5_000  # 100 frauds at 2 % of the labels
    judgement = detector.judge()
    assert judgement.severity == "page"
    assert "missed positives" in judgement.summary
    assert "false alarms" not in judgement.summary


def test_more_false_alarms_are_noticed() -> None:
    detector = _detector()
    found = _labels_until_alarm(detector, random.Random(5), 30_000, false_alarms=0.05)
    assert found is not None
    assert found <= 2_000
    assert "false alarms" in detector.judge().summary


def test_a_correction_does_not_count_twice() -> None:
    detector = _detector()
    for row in range(2_000):
        detector.observe(outcome(row, 0.0, 1, is_first=row < 3))
    assert detector.judge().verdict == "inconclusive"
    assert detector.judge().evidence["labels"] == 3


def test_labels_that_are_no_class_are_counted_apart() -> None:
    detector = _detector()
    for row in range(40):
        detector.observe(outcome(row, 0.0, "maybe"))
    assert detector.judge().evidence["unusable_labels"] == 40


def test_the_same_labels_give_the_same_verdict_in_a_new_process() -> None:
    first, second = _detector(), _detector()
    for item in labels(random.Random(3), 3_000, missed=0.5):
        first.observe(item)
    for item in labels(random.Random(3), 3_000, missed=0.5):
        second.observe(item)
    assert first.judge() == second.judge()


def test_multiclass_and_regression_are_watched_on_errors() -> None:
    many = Reference("multiclass", ("a", "b", "c"), None, {"rows": 1_000, "errors": 100}, ())
    detector = _detector(many)
    for row in range(400):
        detector.observe(outcome(row, 0.0, "b" if row % 2 else "a"))
    assert detector.judge().verdict == "fail"
    number = Reference("regression", (), None, {"rows": 1_000, "errors": 100, "error_quantile": 2.0}, ())
    detector = _detector(number)
    for row in range(400):
        detector.observe(outcome(row, 10.0, 10.0 if row % 10 else 13.0))
    assert detector.judge().verdict == "pass"
    for row in range(400):
        detector.observe(outcome(row, 10.0, 13))
    assert detector.judge().verdict == "fail"
