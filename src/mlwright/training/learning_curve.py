"""What more rows would bring: a small booster fitted on growing parts of the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.evaluation import Interval
from mlwright.evaluation.bootstrap import Drawing, bootstrap_intervals, paired_difference
from mlwright.project.config import MetricName
from mlwright.training.checks.quick_model import plain_matrix
from mlwright.training.learner import Floats
from mlwright.training.problem import Goal
from mlwright.training.score import predictions

PARTS = (0.125, 0.25, 0.5, 1.0)
MOST_ROWS = 12_000
MOST_TEST_ROWS = 4_000
FEWEST_ROWS = 400
ROUNDS = 60
REPETITIONS = 60
SECONDS_A_CELL = 6e-8  # CPU seconds for a row and column in a round, measured
SECONDS_A_ROUND = 4e-4
SECONDS_A_READING = 2e-7


@dataclass(frozen=True)
class LearningCurve:
    """The metric on the same held-out rows by the number of training rows, and what the last half brought."""

    points: tuple[tuple[int, Interval], ...]
    gain: Interval

    def to_json(self) -> dict[str, object]:
        """Give the curve as the report holds it."""
        return {
            "points": [{"rows": rows, **interval.to_json()} for rows, interval in self.points],
            "gain_of_last_half": self.gain.to_json(),
        }


def curve_rows(rows: int, columns: int, outputs: int, seconds: float) -> int:
    """Give the rows of the largest fit that the curve takes within so many CPU seconds, 0 for none."""
    rounds = rounds_of(outputs) * outputs
    fixed = len(PARTS) * rounds * SECONDS_A_ROUND + MOST_TEST_ROWS * columns * SECONDS_A_READING
    a_row = sum(PARTS) * columns * rounds * SECONDS_A_CELL + columns * SECONDS_A_READING
    most = min(rows, MOST_ROWS, int(max(seconds - fixed, 0.0) / a_row))
    return most if most >= min(FEWEST_ROWS, rows) else 0


def rounds_of(outputs: int) -> int:
    """Give fewer rounds for many classes, each of which grows its own trees."""
    return max(ROUNDS // max(outputs // 2, 1), 8)


def learning_curve(  # noqa: PLR0913  # two tables by position, the question by keyword
    train: pl.DataFrame,
    target: Floats,
    test: pl.DataFrame,
    y: Floats,
    *,
    inputs: Sequence[Column],
    goal: Goal,
    classes: int,
    metric: MetricName,
    seed: int,
) -> LearningCurve:
    """Fit on an eighth, a quarter, half and all of the rows given, in random order, and judge each.

    Texts are codes of their levels here, and rounds are few: the shape of the curve is the answer, not its
    height.
    """
    matrix = plain_matrix(pl.concat([train, test], how="vertical_relaxed"), inputs)
    order = np.random.default_rng(seed).permutation(train.height)
    found: list[tuple[int, Floats]] = []
    for part in PARTS:
        rows = order[: max(round(part * train.height), 1)]
        if goal in ("binary", "multiclass") and len(np.unique(target[rows])) < 2:
            continue
        booster = _fit(matrix[rows], target[rows], goal=goal, classes=classes, seed=seed)
        raw = np.asarray(booster.predict(matrix[train.height :], raw_score=True, num_threads=1))
        found.append((len(rows), predictions(goal, raw)))
    drawing = Drawing(seed=seed, repetitions=REPETITIONS)
    points = tuple((rows, bootstrap_intervals([metric], y, p, drawing)[metric]) for rows, p in found)
    before, after = (found[max(len(found) - 2, 0)][1], found[-1][1])
    gain = paired_difference(metric, y, after, before, seed=seed, repetitions=REPETITIONS)
    return LearningCurve(points, gain)


def _fit(matrix: Floats, target: Floats, *, goal: Goal, classes: int, seed: int) -> lgb.Booster:
    outputs = classes if goal == "multiclass" else 1
    settings: dict[str, object] = {
        "objective": goal,
        "num_leaves": 15,
        "learning_rate": 0.15,
        "min_data_in_leaf": max(5, min(20, len(target) // 50)),
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    if goal == "multiclass":
        settings["num_class"] = classes
    return lgb.train(settings, lgb.Dataset(matrix, target, free_raw_data=True), rounds_of(outputs))
