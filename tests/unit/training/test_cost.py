"""What fits cost is guessed from what a table holds: sentences, classes, thousands of columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.cost import guess_cost, tree_seconds
from mlwright.training.effort import plan_effort
from mlwright.training.portfolio import BOOSTED
from tests.unit.training.problems import problem

ROWS = 2_000


@pytest.mark.promise("train.budget")
def test_a_table_of_sentences_gets_a_quicker_plan_than_one_of_names() -> None:
    generator = np.random.default_rng(3)
    words = np.array([f"word{place}" for place in range(500)])
    sentences = [" ".join(row) for row in words[generator.integers(0, 500, (ROWS, 120))]]
    target = generator.integers(0, 2, ROWS).astype(float)
    names = words[generator.integers(0, 500, ROWS)].tolist()
    long, short = (problem(pl.DataFrame({"x": texts}), target) for texts in (sentences, names))
    assert long.sentence_bytes == pytest.approx(np.mean([len(text) for text in sentences]), rel=0.01)
    assert short.sentence_bytes == 0
    plans = [plan_effort(one, BudgetClock(Budget(3.0), began=0.0, now=lambda: 0.0)) for one in (long, short)]
    rates = [float(plan.first.settings["learning_rate"]) for plan in plans]
    assert rates[0] > rates[1] or len(plans[0].problem.folds.folds) < len(plans[1].problem.folds.folds)


@pytest.mark.promise("train.budget")
def test_histograms_of_a_thousand_columns_cost_more_than_their_few_rows() -> None:
    wide, narrow = tree_seconds(31, 2_000, 1_000), tree_seconds(31, 20_000, 100)
    assert wide > 1.5 * narrow


@pytest.mark.promise("train.budget")
def test_columns_that_no_model_reads_cost_nothing() -> None:
    generator = np.random.default_rng(4)
    frame = pl.DataFrame(generator.normal(size=(ROWS, 300)), schema=[f"x{place}" for place in range(300)])
    asked = problem(frame, generator.integers(0, 2, ROWS).astype(float))
    narrow = problem(frame.select(frame.columns[:250]), asked.target)
    assert guess_cost(replace(asked, most_columns=250), BOOSTED[0]) == guess_cost(narrow, BOOSTED[0])
