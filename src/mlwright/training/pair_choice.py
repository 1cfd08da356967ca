"""Pairs of columns whose ratio, difference or cross makes a quick booster surely better on unseen rows.

A booster on part of the first fold names the columns that matter; a second one, which sees all pairs of
those, names the pairs that matter; a third one, which sees the columns and the few best pairs, must beat the
first by two standard errors. So a search among many costs one look at the validation rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mlwright.data import Folds
from mlwright.features import (
    FittedTransform,
    Pair,
    TrainingRows,
    apply_transform,
    categorical_outputs,
    fit_tree_transform,
)
from mlwright.training.boosted import BoostedLearner, BoostedModel
from mlwright.training.budget import BudgetClock
from mlwright.training.learner import Candidate, FitTask, Floats, Matrix
from mlwright.training.problem import Problem
from mlwright.training.sample import sample_rows, whole_lists
from mlwright.training.score import gain_and_error, losses
from mlwright.training.trainer import Watch

TRAIN_ROWS, VALID_ROWS = 12_000, 8_000
FEWEST_ROWS = 1_000
ROUNDS = 100
MOST_NUMBERS, MOST_TEXTS = 6, 4  # columns of which pairs are tried
MOST_COLUMNS = 300  # of a table in which pairs are looked for
MOST_KEPT = 4
RELEVANT = 0.25  # share of the best pair's gain that another one has to have
SURELY = 2.0  # standard errors
SHARE = 0.05  # of the seconds left
START_SECONDS, CELL_SECONDS = 0.5, 3e-6  # of all three boosters, for each cell that the first one sees
QUICK = Candidate(
    "pairs",
    "lightgbm",
    "native",
    {
        "learning_rate": 0.12,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.9,
        "lambda_l2": 2.0,
    },
)


def choose_pairs(problem: Problem, clock: BudgetClock, watch: Watch) -> Problem:
    """Give the problem with the pairs that pay, if looking for them is a small share of the budget."""
    kept = watch.recall("pairs")
    if kept is not None:
        return replace(problem, pairs=tuple(Pair(*pair) for pair in json.loads(kept)))
    found = _Search(problem).run() if _is_worthwhile(problem, clock) else ()
    watch.remember("pairs", json.dumps([(pair.operation, pair.left, pair.right) for pair in found]).encode())
    return replace(problem, pairs=found)


def _is_worthwhile(problem: Problem, clock: BudgetClock) -> bool:
    rows, columns = len(problem.folds.folds[0].train), len(problem.inputs)
    if rows < FEWEST_ROWS or not 2 <= columns <= MOST_COLUMNS:
        return False
    cells = min(rows, TRAIN_ROWS) * (columns + 20) * problem.outputs
    seconds = START_SECONDS + CELL_SECONDS * cells
    return clock.is_counting or seconds * clock.slowness <= SHARE * clock.left()


class _Search:
    """Boosters on the same rows of the first fold, with and without pairs."""

    def __init__(self, problem: Problem) -> None:
        fold = problem.folds.folds[0]
        known = problem.labels(fold.known_at)
        train = fold.train[known.weight[fold.train] > 0]
        lists = problem.ranked
        places, factor = sample_rows(
            known.target[train],
            TRAIN_ROWS,
            task=problem.task,
            seed=problem.seed,
            lists=None if lists is None else lists[train],
        )
        self.problem = replace(problem, folds=Folds((fold,), problem.folds.kind, problem.folds.why))
        self.train, self.target = train[places], known.target[train[places]]
        self.weight = known.weight[self.train] * factor
        generator = np.random.default_rng(problem.seed)
        self.valid = np.sort(generator.permutation(fold.valid)[:VALID_ROWS])
        if lists is not None:
            self.valid = fold.valid[whole_lists(lists[fold.valid], VALID_ROWS, generator)]

    def run(self) -> tuple[Pair, ...]:
        """Find the pairs that pay together."""
        plain, gains = self._fit(())
        tried = self._candidates(gains)
        if not tried:
            return ()
        _, gains = self._fit(tried)
        order = sorted(tried, key=lambda pair: -gains.get(pair.name, 0.0))
        top = gains.get(order[0].name, 0.0)
        best = tuple(pair for pair in order[:MOST_KEPT] if gains.get(pair.name, 0.0) > RELEVANT * top)
        if not best:
            return ()
        others, _ = self._fit(best)
        mean, error = gain_and_error(self.problem, plain - others)
        return best if mean > SURELY * error else ()

    def _fit(self, pairs: Sequence[Pair]) -> tuple[Floats, Mapping[str, float]]:
        """Give the loss of each validation row, and how much each input or pair gained in training."""
        problem, inputs = self.problem, list(self.problem.inputs)
        frame = problem.frame[self.train]
        rows = TrainingRows(frame, self.target, problem.task, problem.seed, problem.time, tuple(pairs))
        fitted = fit_tree_transform(rows, inputs)
        places = tuple(categorical_outputs(fitted.document))
        lists = (
            (None, None)
            if problem.ranked is None
            else (problem.ranked[self.train], problem.ranked[self.valid])
        )
        train = Matrix(fitted.training_matrix(frame, inputs), self.target, self.weight, places, lists[0])
        asked, wanted = apply_transform(fitted.document, problem.frame[self.valid], inputs), self.valid
        valid = Matrix(asked, problem.target[wanted], problem.weight[wanted], places, lists[1])
        task = FitTask(
            train,
            valid,
            problem.task,
            problem.classes,
            problem.seed,
            None,
            lambda done: done >= ROUNDS,
            problem.goal == "poisson",
            problem.is_logarithmic,
            problem.goal == "rank",
        )
        model = BoostedLearner().fit(QUICK, task)
        found = np.full(problem.frame.height, np.nan)
        found[wanted] = losses(problem, wanted, model.margins(asked))
        return found, _gains(model, fitted)

    def _candidates(self, gains: Mapping[str, float]) -> list[Pair]:
        """Pair the columns that gained most."""
        types = {column.name: column.type for column in self.problem.inputs}
        order = sorted((name for name in types if gains.get(name, 0.0) > 0), key=lambda name: -gains[name])
        numbers = [name for name in order if types[name] in ("number", "integer")][:MOST_NUMBERS]
        texts = [name for name in order if types[name] == "string"][:MOST_TEXTS]
        return [
            *(Pair("ratio", left, right) for left, right in combinations(numbers, 2)),
            *(Pair("difference", left, right) for left, right in combinations(numbers, 2)),
            *(Pair("cross", left, right) for left, right in combinations(texts, 2)),
        ]


def _gains(model: BoostedModel, fitted: FittedTransform) -> dict[str, float]:
    """Add up gains by pair, and by column for outputs of one column."""
    found: dict[str, float] = {}
    gained = model.booster.feature_importance("gain", model.rounds).tolist()
    for output, gain in zip(fitted.document["outputs"], gained, strict=True):
        name = f"{output['column']}|{output['op']}|{output['by']}" if "by" in output else output["column"]
        found[name] = found.get(name, 0.0) + gain
    return found
