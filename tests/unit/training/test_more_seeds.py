"""Seconds that are left make the mean of several seeds; without a clock there is one."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Fitted
from tests.unit.training.problems import Silence, problem, rare


def fit(clock: BudgetClock) -> Fitted:
    frame, target = rare(0.2, 1_500)
    return PortfolioTrainer.standard().fit(problem(frame, target), clock, Silence())


@pytest.mark.promise("train.seeds")
def test_seconds_that_are_left_are_spent_on_other_seeds_of_the_same_boosters() -> None:
    fitted = fit(BudgetClock(Budget(40.0)))
    boosted = [one for one in fitted.members if one.candidate.leaves]
    assert fitted.facts["seeds"] == 1 + max(one.draw for one in boosted) > 1
    assert sum(one.weight for one in fitted.members) == pytest.approx(1.0)
    first = [one for one in boosted if one.candidate == boosted[0].candidate]
    assert len({one.model.dump().text for one in first}) == len(first) == fitted.facts["seeds"]
    assert len({one.weight for one in first}) == 1


@pytest.mark.promise("train.seeds")
def test_without_a_clock_or_with_little_time_there_is_one_seed() -> None:
    assert fit(BudgetClock(Budget(40.0, trials=3))).facts["seeds"] == 1
    ticks = iter(np.arange(0.0, 1e6, 0.05))
    short = BudgetClock(Budget(4.0), now=lambda: float(next(ticks)))
    assert fit(short).facts["seeds"] == 1
