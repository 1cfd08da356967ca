"""What is lost when a column is shuffled."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.evaluation.importance import ShuffleJudge
from mlwright.evaluation.metric import metric_value
from mlwright.project.config import MetricName


@pytest.mark.promise("report.importance")
def test_a_column_of_chance_is_important_no_more_often_than_intervals_allow() -> None:
    surely = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        signal, noise = rng.normal(size=(2, 600))
        y = (rng.random(600) < 1 / (1 + np.exp(-signal))).astype(float)

        def answer(column: np.ndarray, base: np.ndarray = signal) -> np.ndarray:
            return 1 / (1 + np.exp(-base - 0.05 * column))

        found = ShuffleJudge("auc", y, answer(noise)).drop([answer(rng.permutation(noise)) for _ in range(4)])
        surely += found.low > 0 or found.high < 0
    assert surely <= 9


@pytest.mark.parametrize(("metric", "sign"), [("auc", 1.0), ("log_loss", -1.0)])
def test_worse_is_positive_for_losses_too(metric: MetricName, sign: float) -> None:
    rng = np.random.default_rng(5)
    p = rng.random(1_500)
    y = (rng.random(1_500) < p).astype(float)
    shuffled = [rng.permutation(p) for _ in range(3)]
    found = ShuffleJudge(metric, y, p).drop(shuffled)
    lost = np.mean([metric_value(metric, y, p) - metric_value(metric, y, other) for other in shuffled])
    assert found.value == pytest.approx(sign * lost)
    assert 0 < found.low < found.value < found.high
