"""Real tables without a planted fault: what all checks together warn of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlwright.data import LabelsAt, labels_known_at, make_folds, split_rows
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.project import SplitConfig, TrainingConfig
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.checks import CheckInput
from mlwright.training.problem import Problem
from mlwright.training.search import PortfolioTrainer
from tests.planted.service import alarms
from tests.planted.tables import honest_tables
from tests.unit.training.problems import Silence

if TYPE_CHECKING:
    from mlwright.training.trainer import Fitted

TRIALS = 4
MOST_ROWS = 20_000


def judged(given: CheckInput) -> CheckInput:
    """Split a table at random, train on it as a run does, and answer its test rows."""
    data = replace(given.data, time=None, split=SplitConfig(by="random", test_share=0.3))
    frame, target = given.frame[:MOST_ROWS], given.target[:MOST_ROWS]
    rows = split_rows(frame, data, task=given.task, seed=7)
    settings = TrainingConfig(metric="auc" if given.task == "binary" else "rmse", threshold="best_f1")
    asked = replace(given, frame=frame, target=target, data=data, train=rows.train, test=rows.test)
    fitted = trained(asked, settings)
    members = lower(fitted).members
    inputs = list(given.inputs)

    return replace(
        asked,
        scores=library_answers(members, frame[rows.test], inputs, given.task),
        training=settings,
        threshold=fitted.threshold,
        facts=fitted.facts,
        ask=lambda some: library_answers(members, some, inputs, given.task),
    )


def trained(given: CheckInput, settings: TrainingConfig) -> Fitted:
    frame, target = given.frame[given.train], given.target[given.train]
    labels: LabelsAt = lambda moment: labels_known_at(frame, target, given.data, moment)  # noqa: E731
    problem = Problem(
        frame=frame.select(column.name for column in given.inputs),
        target=target,
        weight=labels(None).weight,
        inputs=given.inputs,
        task=given.task,
        classes=2,
        metric=settings.metric,
        folds=make_folds(frame, target, given.data, task=given.task, seed=7),
        labels=labels,
        known_at=None,
        blocks=None,
        settings=settings,
        seed=7,
    )
    return PortfolioTrainer.standard().fit(problem, BudgetClock(Budget(60.0, TRIALS)), Silence())


@pytest.mark.slow
@pytest.mark.promise("checks.quiet")
def test_one_of_ten_honest_tables_raises_an_alarm_at_most(request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("datasets"))

    said = {name: list(alarms(judged(table))) for name, table in honest_tables(folder).items()}

    assert sum(bool(keys) for keys in said.values()) <= 1, said
