"""Of very wide tables models read the columns that tell most, chosen where validation rows have no say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.training.budget import After, Budget, BudgetClock
from mlwright.training.effort import plan_effort, told_effort
from mlwright.training.encoding import FoldMatrices, encode_all
from mlwright.training.problem import Problem
from mlwright.training.screening import strongest_columns, views_of
from tests.unit.training.problems import problem

ROWS = 400


def test_columns_that_tell_in_any_of_four_ways_are_kept_among_noise() -> None:
    generator = np.random.default_rng(7)
    target = generator.normal(size=ROWS)
    told = target + generator.normal(size=ROWS)
    noise = generator.normal(size=(ROWS, 300))
    frame = pl.DataFrame(noise, schema=[f"noise{place}" for place in range(300)]).with_columns(
        pl.Series("straight", told),
        pl.Series("square", np.sign(noise[:, 0]) * np.sqrt(np.abs(told - told.min()))),
        pl.Series("empty", np.where(told > 1, np.nan, noise[:, 1])).fill_nan(None),
        pl.Series("level", [f"l{value}" for value in np.digitize(told, [-1.0, 0.0, 1.0])]),
    )
    inputs = [Column(name, "string" if name == "level" else "number") for name in frame.columns]
    kept = strongest_columns(frame, inputs, views_of(target, is_multiclass=False), 20)
    assert {"straight", "square", "empty", "level"} <= {column.name for column in kept}
    assert [column for column in inputs if column in kept] == kept


def test_noise_does_not_look_like_knowledge_to_the_folds() -> None:
    asked = _wide(columns=3_000)
    matrices = FoldMatrices(replace(asked, most_columns=50))
    gaps = []
    for number in range(len(asked.folds.folds)):
        fold = matrices.of(number, "native")
        read = [output["column"] for output in fold.transform["outputs"]]
        assert len(read) == 50
        train, valid = fold.train, fold.valid
        signs = np.sign(np.corrcoef(train.values.T, train.target)[-1, :-1])
        seen = np.corrcoef(train.values @ signs, train.target)[0, 1]
        unseen = np.corrcoef(valid.values @ signs, valid.target)[0, 1]
        assert seen > 0.3
        gaps.append(unseen)
    assert abs(np.mean(gaps)) < 0.2


def test_the_final_model_reads_the_columns_of_all_rows() -> None:
    asked = _wide(columns=1_200, told=("x7", "x900"))
    transform, matrix = encode_all(asked, "scaled")
    read = {entry["name"] for entry in transform["inputs"]}
    assert len(read) == 1_000
    assert {"x7", "x900"} <= read
    assert matrix.values.shape == (ROWS, 1_000)


def test_a_small_budget_takes_fewer_columns_of_a_wide_table_and_says_so() -> None:
    asked = _wide(columns=1_200)
    clock = BudgetClock(Budget(3.0), began=0.0, after=After(1.0), now=lambda: 0.0)
    effort = plan_effort(asked, clock)
    assert effort.problem.width < asked.width == 1_000
    [finding] = [one for one in told_effort(effort, clock) if one.name == "columns.screened"]
    assert finding.evidence == {"read": effort.problem.width, "columns": 1_200}


def test_narrow_tables_are_not_screened() -> None:
    asked = _wide(columns=40)
    clock = BudgetClock(Budget(0.1), began=0.0, now=lambda: 0.0)
    effort = plan_effort(asked, clock)
    assert effort.problem.width == 40
    assert not [one for one in told_effort(effort, clock) if one.name == "columns.screened"]


def _wide(*, columns: int, told: tuple[str, ...] = ()) -> Problem:
    generator = np.random.default_rng(columns)
    numbers = generator.normal(size=(ROWS, columns))
    score = sum((numbers[:, int(name[1:])] for name in told), start=generator.normal(size=ROWS))
    frame = pl.DataFrame(numbers, schema=[f"x{place}" for place in range(columns)])
    return problem(frame, (score > 0).astype(float))
