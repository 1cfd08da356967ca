"""What fits cost, from counts: rows, columns, leaves and rounds, on the machine at hand.

The constants were measured with LightGBM on one core; a run scales them by what its own fits took.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mlwright.features.sentences import MOST_TEXTS, TOLD_TERMS
from mlwright.training.boosted import FEWEST_COLUMNS, SORTED_ROWS, bins_of, most_rounds
from mlwright.training.encoding import MOST_SCALED_ROWS
from mlwright.training.forest import MOST_DRAWN, tried_columns
from mlwright.training.learner import Candidate, Family
from mlwright.training.problem import Problem
from mlwright.training.trainer import OutOfFold

PER_LEAF = 15e-6  # seconds of a round
PER_ROW = 40e-9
PER_CELL = 10e-9  # of a tree with 31 leaves, and of the columns that it may use
PER_RANKED = 250e-9  # and of the pairs in its list
PER_BIN = 15e-9  # of a leaf, and of the columns whose histograms leave the cache
CACHED_COLUMNS = 100
PER_ENCODED_CELL = 130e-9  # and put into its bin
PER_SORTED_CELL = 120e-9  # of the rows from which bins are made
PER_LEARNED_BYTE = 150e-9  # of sentences
PER_READ_BYTE = 35e-9
PER_ANSWER = 90e-9  # of a row by a tree
RATE_ROUNDS = 16.0  # learning rate times rounds of a booster that stops by itself
STOPPING = 40  # rounds that are grown to see that it is time to stop
LEAVES = 31
FEWEST_IN_BIN = 3
REFIT_GROWTH = 1.15  # all rows take more rounds than the folds had: 1.15 times their mean, and 5
REFIT_EXTRA = 5
PER_PRODUCT = 0.4e-9  # of a network, there and back
PIECES = 24  # that a column becomes
PER_TRIED_CELL = 0.25e-6  # of the rows that a tree of a forest draws, and of the columns that a split tries
PER_OWN_ANSWER = 0.2e-6  # of a row by a tree that has not drawn it
ONEHOT = 2  # that a column becomes
UNKNOWN_FAMILY = 1.5  # times the cost of families that are known


@dataclass(frozen=True)
class Cost:
    """Seconds of a candidate by the model of costs: through the folds, and on all rows."""

    folds: float
    refit: float


def guess_cost(
    problem: Problem, candidate: Candidate, *, most_rows: int | None = None, rounds: int | None = None
) -> Cost:
    """Guess what a candidate costs; `rounds` are those that it is allowed, else those that it may need."""
    grown = rounds or expected_rounds(problem, candidate)
    sizes = [_least(len(fold.train), most_rows) for fold in problem.folds.folds]
    asked = [len(fold.valid) for fold in problem.folds.folds]
    folds = sum(fit_seconds(problem, candidate, rows=rows, rounds=grown) for rows in sizes)
    folds += sum(answer_seconds(problem, grown, rows) for rows in asked)
    folds += sum(encode_seconds(problem, rows) for rows in sizes)
    folds += PER_ENCODED_CELL * matrix_columns(problem) * sum(asked) + reading_seconds(problem, sum(asked))
    rows = _least(problem.frame.height, most_rows)
    refit = fit_seconds(problem, candidate, rows=rows, rounds=round(REFIT_GROWTH * grown))
    return Cost(folds, refit + encode_seconds(problem, rows))


def encode_seconds(problem: Problem, rows: int) -> float:
    """Guess what it costs to make a matrix of training rows, and to cut it into bins."""
    cells = PER_ENCODED_CELL * rows + PER_SORTED_CELL * min(rows, SORTED_ROWS)
    learned = PER_LEARNED_BYTE * min(rows, MOST_TEXTS) * problem.sentence_bytes
    return cells * matrix_columns(problem) + learned + reading_seconds(problem, rows)


def reading_seconds(problem: Problem, rows: int) -> float:
    """Guess what it costs to find the terms in the sentences of rows."""
    return PER_READ_BYTE * rows * problem.sentence_bytes


def matrix_columns(problem: Problem) -> int:
    """Count what a tree sees: the columns that are read, and the terms of sentences."""
    return problem.width + (TOLD_TERMS if problem.sentence_bytes else 0)


def fit_seconds(problem: Problem, candidate: Candidate, *, rows: int, rounds: int) -> float:
    """Guess what rounds on rows cost; those of a network are passes."""
    settings = candidate.settings
    if candidate.family == "network":
        first, second = int(settings["hidden"]), int(settings["second"])
        widths = [PIECES * problem.width, first, second, problem.outputs]
        seen = min(rows, MOST_SCALED_ROWS)
        return PER_PRODUCT * rounds * seen * sum(one * two for one, two in itertools.pairwise(widths))
    if candidate.family == "forest":
        tried = tried_columns(ONEHOT * problem.width, is_number=problem.task == "regression")
        seen = min(rows, MOST_SCALED_ROWS)
        each = PER_TRIED_CELL * min(rows, MOST_DRAWN) * (tried + 1) + PER_OWN_ANSWER * seen
        return rounds * each
    columns = matrix_columns(problem)
    usable = max(columns * float(settings.get("feature_fraction", 1.0)), min(columns, FEWEST_COLUMNS))
    each = tree_seconds(candidate.leaves, rows, usable)
    if problem.goal == "rank":
        each += PER_RANKED * rows
    return each * rounds * problem.outputs


def tree_seconds(leaves: int, rows: int, columns: float) -> float:
    """Guess what a tree costs: leaves, rows, and histograms of more columns than the cache holds."""
    depth = leaves.bit_length() / LEAVES.bit_length()
    bins = min(bins_of(columns), rows / FEWEST_IN_BIN)
    histograms = PER_BIN * leaves * max(columns - CACHED_COLUMNS, 0.0) * bins
    return PER_LEAF * leaves + rows * (PER_ROW + PER_CELL * columns * depth) + histograms


def answer_seconds(problem: Problem, rounds: int, rows: int) -> float:
    """Guess what answers for rows cost."""
    return PER_ANSWER * rows * rounds * problem.outputs


def expected_rounds(problem: Problem, candidate: Candidate) -> int:
    """Guess after how many rounds a booster stops: fewer at a high rate, with many leaves, with few rows."""
    settings = candidate.settings
    if candidate.family == "network":
        return int(settings["epochs"])
    if candidate.family == "forest":
        return int(settings["trees"])
    leaves = max(candidate.leaves, 2)
    rate = max(float(settings.get("learning_rate", 0.1)), 1e-3)
    few = min(1.0, (problem.frame.height / 20_000) ** 0.3)
    needed = RATE_ROUNDS / rate * (LEAVES / leaves) ** 0.5 * few + STOPPING
    return int(min(needed, most_rounds(candidate, problem)))


def nodes_of(candidate: Candidate, rounds: int, outputs: int) -> int:
    """Count the nodes that a model may have."""
    return rounds * candidate.leaves_of(outputs) * outputs


def refit_rounds(one: OutOfFold) -> int:
    """Give the rounds on all rows that correspond to those of the folds."""
    if one.candidate.family == "forest":
        return max(one.rounds)
    return round(REFIT_GROWTH * sum(one.rounds) / max(len(one.rounds), 1)) + REFIT_EXTRA


class Pace:
    """How long fits took beside what the model of costs says: of each family, and of answers."""

    def __init__(self, problem: Problem, most_rows: int | None, slowness: float) -> None:
        self._problem = problem
        self._most_rows = most_rows
        self._slowness = slowness
        self._fits: dict[Family, tuple[float, float]] = {}
        self._answers = (0.0, 0.0)
        self._rounds: list[float] = []

    def learn(self, one: OutOfFold) -> None:
        """Take what a candidate's folds took into account."""
        if not one.candidate.leaves:
            return
        rounds = zip(self._problem.folds.folds, one.grown, strict=False)
        guess = sum(
            fit_seconds(self._problem, one.candidate, rows=self._rows(len(fold.train)), rounds=grown)
            for fold, grown in rounds
        )
        took, before = self._fits.get(one.candidate.family, (0.0, 0.0))
        self._fits[one.candidate.family] = took + one.fit_seconds, before + guess
        answers = zip(self._problem.folds.folds, one.rounds, strict=False)
        asked = sum(answer_seconds(self._problem, made, len(fold.valid)) for fold, made in answers)
        self._answers = self._answers[0] + one.answer_seconds, self._answers[1] + asked
        if one.grown and one.candidate.is_boosted:
            mean = sum(one.grown) / len(one.grown)
            self._rounds.append(mean / expected_rounds(self._problem, one.candidate))

    def expect(self, candidate: Candidate, *, after_rows: int) -> Cost:
        """Give what a candidate will cost; its answers after training belong to its refit."""
        ratio = min(max(sum(self._rounds) / len(self._rounds), 0.2), 3.0) if self._rounds else 1.0
        rounds = expected_rounds(self._problem, candidate)
        if candidate.is_boosted:
            most = most_rounds(candidate, self._problem)
            rounds = min(max(round(ratio * rounds), STOPPING), most)
        cost = guess_cost(self._problem, candidate, most_rows=self._most_rows, rounds=rounds)
        scale = self._scale(candidate.family)
        answers = self._answer_scale() * answer_seconds(self._problem, rounds, after_rows)
        return Cost(scale * cost.folds, scale * cost.refit + answers)

    def refit(self, one: OutOfFold, *, after_rows: int) -> float:
        """Give what a candidate costs on all rows, and in answers after training."""
        if not one.candidate.leaves:
            return one.cpu_seconds / max(len(one.rounds), 1)
        rounds, rows = refit_rounds(one), self._rows(self._problem.frame.height)
        fit = fit_seconds(self._problem, one.candidate, rows=rows, rounds=rounds)
        encode = self._slowness * encode_seconds(self._problem, rows)
        return self._scale(one.candidate.family) * fit + encode + self.answers(rounds, after_rows)

    def answers(self, rounds: int, rows: int) -> float:
        """Give what answers cost."""
        return self._answer_scale() * answer_seconds(self._problem, rounds, rows)

    def _scale(self, family: Family) -> float:
        took, guess = self._fits.get(family, (0.0, 0.0))
        if guess:
            return took / guess
        known = [took / guess for took, guess in self._fits.values() if guess]
        return UNKNOWN_FAMILY * max(known) if known else self._slowness

    def _answer_scale(self) -> float:
        took, guess = self._answers
        return max(took / guess, 0.3 * self._slowness) if guess else self._slowness

    def _rows(self, rows: int) -> int:
        return _least(rows, self._most_rows)


def _least(rows: int, most: int | None) -> int:
    return rows if most is None else min(rows, most)
