"""Candidates after the portfolio are drawn by a sampler that hears what those before reached."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.learner import Setting
from mlwright.training.portfolio import BOOSTED, boosted_candidates
from mlwright.training.sampler import EXTRA, SPACE, RandomSampler
from mlwright.training.search import PortfolioTrainer
from tests.unit.training.problems import Silence, problem, rare


class Listening:
    """Proposes as chance does and keeps what it hears; implements `Sampler`."""

    name = "heard"

    def __init__(self, seed: int) -> None:
        self._random = RandomSampler(seed)
        self.heard: list[tuple[Mapping[str, Setting], float]] = []
        self.before: list[int] = []

    def propose(self) -> Mapping[str, Setting]:
        self.before.append(len(self.heard))
        return self._random.propose()

    def tell(self, settings: Mapping[str, Setting], loss: float) -> None:
        self.heard.append((settings, loss))


@pytest.mark.promise("train.sampler")
def test_a_sampler_hears_every_booster_before_it_draws() -> None:
    made: list[Listening] = []

    def sampler(seed: int) -> Listening:
        made.append(Listening(seed))
        return made[-1]

    standard = PortfolioTrainer.standard().learners
    learners = {name: one for name, one in standard.items() if name in ("lightgbm", "linear")}
    clock = BudgetClock(Budget(60.0, len(BOOSTED) + 3))
    fitted = PortfolioTrainer(learners, sampler).fit(problem(*rare(0.3, 400)), clock, Silence())
    names = [one.candidate.name for one in fitted.tried]
    assert names == ["linear", *(one.name for one in BOOSTED), "lgb-heard-1", "lgb-heard-2"]
    [drawing] = made
    assert drawing.before[:2] == [len(BOOSTED), len(BOOSTED) + 1]
    assert [settings for settings, _ in drawing.heard[: len(BOOSTED)]] == [one.settings for one in BOOSTED]
    assert np.isfinite([loss for _, loss in drawing.heard]).all()


def test_chance_keeps_to_the_space_and_to_its_seed() -> None:
    drawn = [RandomSampler(3).propose() for _ in range(2)]
    assert drawn[0] == drawn[1] != RandomSampler(4).propose()
    sampler = RandomSampler(5)
    many = [sampler.propose() for _ in range(200)]
    assert all(one.holds(settings[name]) for settings in many for name, one in SPACE.items())
    assert 0.1 < np.mean([bool(settings[EXTRA]) for settings in many]) < 0.4
    assert all(
        one.holds(found.settings[name]) for found in boosted_candidates() for name, one in SPACE.items()
    )
