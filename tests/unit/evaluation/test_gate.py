from __future__ import annotations

import numpy as np
import pytest

from mlwright.evaluation import HeldOut, judge
from mlwright.project import GateConfig

GENERATOR = np.random.default_rng(7)
Y = (GENERATOR.random(4_000) < 0.3).astype(float)
GOOD = 1 / (1 + np.exp(-GENERATOR.normal(3 * Y - 1.5, 1.0)))  # AUC about .98
WEAK = 1 / (1 + np.exp(-GENERATOR.normal(Y - 0.5, 1.0)))  # AUC about .76


@pytest.mark.promise("run.gate")
@pytest.mark.parametrize(
    ("gate", "rows", "answer"),
    [
        (GateConfig("auc", at_least=0.7), 4_000, "pass"),
        (GateConfig("auc", at_least=0.85), 4_000, "fail"),
        (GateConfig("auc", at_least=0.76), 4_000, "inconclusive"),
        (GateConfig("auc", at_least=0.7), 40, "inconclusive"),
        (GateConfig("log_loss", at_most=0.65), 4_000, "pass"),
        (GateConfig("log_loss", at_most=0.3), 4_000, "fail"),
    ],
)
def test_a_bound_is_answered_by_the_interval(gate: GateConfig, rows: int, answer: str) -> None:
    verdict = judge(gate, HeldOut(Y[:rows], WEAK[:rows]))
    assert verdict.answer == answer
    assert verdict.evidence["rows"] == rows


@pytest.mark.promise("run.gate")
@pytest.mark.parametrize(
    ("new", "old", "tolerance", "answer"),
    [
        (GOOD, WEAK, 0.01, "pass"),
        (WEAK, GOOD, 0.01, "fail"),
        (GOOD, GOOD, 0.0, "pass"),
        (WEAK, GOOD, 0.5, "pass"),
        (WEAK, WEAK + GENERATOR.normal(0, 0.15, 4_000), 0.0, "pass"),
    ],
)
def test_no_worse_than_the_champion_is_a_paired_question(
    new: np.ndarray, old: np.ndarray, tolerance: float, answer: str
) -> None:
    gate = GateConfig("auc", no_worse_than="champion", tolerance=tolerance)
    assert judge(gate, HeldOut(Y, new, champion=old)).answer == answer


def test_few_rows_cannot_prove_no_worse() -> None:
    gate = GateConfig("auc", no_worse_than="champion", tolerance=0.01)
    noisy = WEAK[:60] + GENERATOR.normal(0, 0.1, 60)
    assert judge(gate, HeldOut(Y[:60], noisy, champion=WEAK[:60])).answer == "inconclusive"


def test_without_a_champion_only_the_bound_is_asked() -> None:
    gate = GateConfig("auc", at_least=0.6, no_worse_than="champion")
    verdict = judge(gate, HeldOut(Y, WEAK))
    assert verdict.answer == "pass"
    assert list(verdict.evidence["questions"]) == ["at_least"]  # type: ignore[call-overload]


def test_one_no_fails_the_gate() -> None:
    gate = GateConfig("auc", at_least=0.6, no_worse_than="champion")
    assert judge(gate, HeldOut(Y, WEAK, champion=GOOD)).answer == "fail"


def test_a_metric_that_does_not_exist_is_inconclusive() -> None:
    assert judge(GateConfig("auc", at_least=0.5), HeldOut(np.zeros(50), WEAK[:50])).answer == "inconclusive"
