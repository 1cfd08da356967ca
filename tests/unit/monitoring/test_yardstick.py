from __future__ import annotations

from dataclasses import replace

import pytest

from mlwright.monitoring import Reference
from mlwright.monitoring.yardstick import hold_to, promised_loss
from tests.unit.monitoring.labelled_stream import BINARY


def _binary(missed: int, false_alarms: int) -> Reference:
    return replace(BINARY, quality={**BINARY.quality, "missed": missed, "false_alarms": false_alarms})


def test_a_first_version_is_held_to_its_own_promise() -> None:
    assert hold_to(BINARY, None, tolerance=1.25) is BINARY


def test_a_successor_that_promises_as_much_is_held_to_its_own_promise() -> None:
    own = _binary(440, 1_000)
    assert hold_to(own, BINARY, tolerance=1.25) is own


def test_other_errors_at_the_same_f1_are_no_broken_promise() -> None:
    own = _binary(700, 500)
    assert promised_loss(own) == pytest.approx(promised_loss(BINARY), rel=0.15)
    assert hold_to(own, BINARY, tolerance=1.25) is own


def test_a_successor_that_promises_little_is_held_to_what_was_promised_before() -> None:
    found = hold_to(_binary(1_100, 500), BINARY, tolerance=1.25)
    assert found.quality["missed"] / found.quality["positives"] == 0.2
    assert found.quality["false_alarms"] / found.quality["negatives"] == pytest.approx(500 / 98_000)


def test_regression_and_several_classes_keep_the_better_promise() -> None:
    before = Reference("regression", (), None, {"error_quantile": 2.0, "rows": 100, "errors": 10}, ())
    own = replace(before, quality={"error_quantile": 3.0, "rows": 100, "errors": 10})
    assert hold_to(own, before, tolerance=1.25).quality["error_quantile"] == 2.0
    many = Reference("multiclass", ("a", "b", "c"), None, {"rows": 100, "errors": 10}, ())
    worse = replace(many, quality={"rows": 100, "errors": 30})
    assert hold_to(worse, many, tolerance=1.25).quality["errors"] == 10


def test_other_classes_cannot_be_compared() -> None:
    own = replace(_binary(1_900, 9_000), classes=("no", "yes"), positive="yes")
    assert hold_to(own, BINARY, tolerance=1.25) is own


def test_without_an_evaluation_nothing_was_promised() -> None:
    assert promised_loss(replace(BINARY, quality={})) is None
    assert promised_loss(_binary(0, 0)) == 0.0
