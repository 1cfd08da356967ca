from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.features import Pair
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.pair_choice import choose_pairs
from mlwright.training.problem import Problem
from tests.unit.training.problems import Silence, problem

ROWS = 6_000
COUNTING = BudgetClock(Budget(60.0, trials=3))


def loans(seed: int = 3) -> tuple[pl.DataFrame, np.ndarray]:
    """Late where the debt is much of the income; sold where a region likes a product."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "debt": rng.lognormal(9, 1, ROWS),
            "income": rng.lognormal(10, 1, ROWS),
            "age": rng.integers(18, 80, ROWS),
            "region": [f"r{k}" for k in rng.integers(0, 12, ROWS)],
            "product": [f"p{k}" for k in rng.integers(0, 12, ROWS)],
        }
    )
    return frame, rng.random(ROWS)


def with_ratio(frame: pl.DataFrame, noise: np.ndarray) -> np.ndarray:
    ratio = frame["debt"].to_numpy() / frame["income"].to_numpy()
    return (noise < np.where((ratio > 0.3) & (ratio < 0.6), 0.9, 0.1)).astype(float)


def with_cross(frame: pl.DataFrame, noise: np.ndarray) -> np.ndarray:
    codes = [int(name[1:]) for name in frame["region"]], [int(name[1:]) for name in frame["product"]]
    likes = np.random.default_rng(8).random((12, 12))[codes]
    return (noise < likes).astype(float)


def chosen(frame: pl.DataFrame, y: np.ndarray, clock: BudgetClock = COUNTING) -> tuple[Pair, ...]:
    return choose_pairs(problem(frame, y), clock, Silence()).pairs


@pytest.mark.promise("features.pairs")
def test_a_ratio_that_decides_is_found() -> None:
    frame, noise = loans()
    found = chosen(frame, with_ratio(frame, noise))
    assert (found[0].operation, {found[0].left, found[0].right}) == ("ratio", {"debt", "income"})


def test_two_texts_that_decide_together_are_crossed() -> None:
    frame, noise = loans()
    found = chosen(frame, with_cross(frame, noise))
    assert {(pair.operation, *sorted((pair.left, pair.right))) for pair in found} >= {
        ("cross", "product", "region")
    }


@pytest.mark.promise("features.pairs")
def test_pairs_are_left_out_where_columns_alone_tell_all() -> None:
    for seed in range(4):
        frame, noise = loans(seed)
        y = (noise < np.where(frame["age"] > 50, 0.7, 0.2)).astype(float)
        assert chosen(frame, y) == ()


def test_pairs_of_counts_are_judged_by_their_deviance() -> None:
    frame, _ = loans()
    share = np.minimum(frame["debt"].to_numpy() / frame["income"].to_numpy(), 5)
    y = np.random.default_rng(5).poisson(np.where((share > 0.3) & (share < 0.6), 4.0, 0.3)).astype(float)
    asked = problem(frame, y, task="regression", metric="poisson_deviance", settings={"objective": "poisson"})
    found = choose_pairs(asked, COUNTING, Silence()).pairs
    assert (found[0].operation, {found[0].left, found[0].right}) == ("ratio", {"debt", "income"})


def test_the_same_problem_gives_the_same_pairs_and_a_restarted_run_keeps_its_own() -> None:
    frame, noise = loans()
    asked: Problem = problem(frame, with_ratio(frame, noise))
    watch = Silence()
    first = choose_pairs(asked, COUNTING, watch).pairs
    assert choose_pairs(asked, COUNTING, Silence()).pairs == first
    other = problem(frame, noise.round())
    assert choose_pairs(other, COUNTING, watch).pairs == first


def test_a_small_budget_looks_for_none() -> None:
    frame, noise = loans()
    clock = BudgetClock(Budget(3.0), began=0.0, now=lambda: 0.0)
    assert chosen(frame, with_ratio(frame, noise), clock) == ()
    few = frame.head(300)
    assert chosen(few, with_ratio(few, noise[:300])) == ()
