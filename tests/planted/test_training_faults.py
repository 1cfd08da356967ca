"""Learners that collapse, or that cannot be repeated, are noticed while a model is searched for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest

from mlwright.lifecycle.check_steps import told_overrun
from mlwright.training.again import fitted_again
from mlwright.training.boosted import BoostedLearner
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.learner import Candidate, FitTask, FittedModel, Floats, Matrix, ModelDump
from mlwright.training.linear import LinearLearner
from mlwright.training.portfolio import LINEAR
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Fitted, OutOfFold
from mlwright.training.unstable import unstable_candidates, without_unstable
from tests.unit.training.problems import Silence, problem, rare


@dataclass(frozen=True)
class Turned:
    """A model that says the opposite, loudly."""

    model: FittedModel

    @property
    def rounds(self) -> int:
        return self.model.rounds

    @property
    def grown(self) -> int:
        return self.model.grown

    def margins(self, values: Floats) -> Floats:
        return -5 * self.model.margins(values)

    def dump(self) -> ModelDump:
        return self.model.dump()


@dataclass
class Collapsing:
    """LightGBM that turns one candidate around on its second fit only."""

    name: str
    fits: int = field(default=0)
    wrapped: BoostedLearner = field(default_factory=BoostedLearner)

    def fit(self, candidate: Candidate, task: FitTask) -> FittedModel:
        model = self.wrapped.fit(candidate, task)
        if candidate.name != self.name:
            return model
        self.fits += 1
        return Turned(model) if self.fits == 2 else model


def search(name: str) -> Fitted:
    frame, target = rare(0.2, 1_500)
    trainer = PortfolioTrainer({"lightgbm": Collapsing(name), "linear": LinearLearner()})
    return trainer.fit(problem(frame, target), BudgetClock(Budget(60.0, 4)), Silence())


@pytest.mark.promise("checks.unstable")
def test_a_candidate_that_collapses_on_one_fold_is_told_and_not_selected() -> None:
    fitted = search("lgb-64")

    (finding,) = [one for one in fitted.findings if one.name == "unstable.candidate"]
    assert finding.column == "lgb-64"
    assert "worse than a constant on fold 2" in finding.text
    assert "lgb-64" not in [member.candidate.name for member in fitted.members]
    assert not [one for one in search("none").findings if one.name.startswith(("unstable", "reproducible"))]


@pytest.mark.promise("checks.unstable")
def test_a_booster_far_below_the_best_is_unstable_though_no_fold_is_lost() -> None:
    frame, target = rare(0.2, 1_500)
    asked = problem(frame, target)
    good = np.where(target > 0, 1.0, -3.0)
    flat = np.full(len(target), np.log(0.25)) + 0.02 * good

    def tried(name: str, margins: Floats) -> OutOfFold:
        candidate = Candidate(name, "lightgbm", "native", {})
        return OutOfFold(candidate, margins, (1,), (1,), 0.0)

    both = [tried("good", good), tried("flat", flat)]
    odd = unstable_candidates(asked, both)

    assert list(odd) == ["flat"]
    assert [one.candidate.name for one in without_unstable(both, odd)] == ["good"]
    assert unstable_candidates(asked, [tried("flat", flat)]) == {}


@dataclass
class Moody:
    """A linear learner whose coefficients change with every fit."""

    fits: int = 0

    def fit(self, candidate: Candidate, task: FitTask) -> FittedModel:
        self.fits += 1
        model = LinearLearner().fit(candidate, task)
        return type(model)(model.coefficients + self.fits, model.intercept)


@pytest.mark.promise("checks.reproducible")
def test_a_member_that_differs_when_fitted_again_is_told() -> None:
    random = np.random.default_rng(1)
    values, target = random.normal(size=(300, 3)), (random.random(300) < 0.4).astype(float)
    task = FitTask(Matrix(values, target, np.ones(300)), None, "binary", 2, 7, 1, lambda _: False)

    moody, steady = Moody(), LinearLearner()

    (finding,) = fitted_again(moody, LINEAR, task, moody.fit(LINEAR, task))
    assert (finding.key, finding.severity) == ("reproducible.refit:linear", "warning")
    assert fitted_again(steady, LINEAR, task, steady.fit(LINEAR, task)) == ()


@pytest.mark.promise("checks.budget")
def test_a_run_over_its_budget_says_so() -> None:
    assert told_overrun(60.0, 65.0) == []
    assert told_overrun(None, 500.0) == []
    (finding,) = told_overrun(60.0, 80.0)
    assert (finding.name, finding.evidence["used"]) == ("budget.over", 80.0)


@pytest.mark.promise("checks.unstable", "checks.quiet")
def test_counts_have_no_unstable_candidates() -> None:
    random = np.random.default_rng(3)
    signal = random.normal(size=1_500)
    counts = random.poisson(np.exp(signal)).astype(float)
    asked = problem(
        pl.DataFrame({"signal": signal, "noise": random.normal(size=1_500)}),
        counts,
        task="regression",
        metric="poisson_deviance",
        settings={"metric": "poisson_deviance"},
    )
    fitted = PortfolioTrainer.standard().fit(asked, BudgetClock(Budget(60.0, 3)), Silence())
    assert [one.key for one in fitted.findings if one.name.startswith("unstable")] == []
