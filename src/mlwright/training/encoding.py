"""Rows as matrices: transforms are fitted inside a fold and kept while that fold is at work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.data import Fold
from mlwright.features import (
    TrainingRows,
    TransformDocument,
    apply_transform,
    categorical_outputs,
    fit_linear_transform,
    fit_numeric_transform,
    fit_tree_transform,
)
from mlwright.training.learner import Encoding, Matrix
from mlwright.training.problem import Problem, Rows
from mlwright.training.sample import sample_rows

MOST_SCALED_ROWS = 30_000  # a linear model learns no more from more

FITS = {"native": fit_tree_transform, "numeric": fit_numeric_transform, "scaled": fit_linear_transform}


@dataclass(frozen=True)
class EncodedFold:
    """Matrices of a fold, and the transform that made them."""

    train: Matrix
    valid: Matrix
    transform: TransformDocument


class FoldMatrices:
    """Gives matrices of folds, each made once; all of them are small beside the raw columns.

    `most_rows` is how many rows train; None is all of them.
    """

    def __init__(self, problem: Problem, most_rows: int | None = None) -> None:
        self._problem = problem
        self._most_rows = most_rows
        self._made: dict[tuple[int, Encoding], EncodedFold] = {}

    def of(self, number: int, encoding: Encoding) -> EncodedFold:
        """Give the matrices of a fold."""
        if (number, encoding) not in self._made:
            fold = self._problem.folds.folds[number]
            self._made[number, encoding] = _encode_fold(self._problem, fold, encoding, self._most_rows)
        return self._made[number, encoding]


def encode_all(
    problem: Problem, encoding: Encoding, most_rows: int | None = None
) -> tuple[TransformDocument, Matrix]:
    """Give the transform and the matrix of the rows whose labels are known, or of a sample of them."""
    return _encode(problem, np.arange(problem.frame.height), problem.known_at, encoding, most_rows)


def _encode_fold(problem: Problem, fold: Fold, encoding: Encoding, most_rows: int | None) -> EncodedFold:
    transform, train = _encode(problem, fold.train, fold.known_at, encoding, most_rows)
    valid = Matrix(
        apply_transform(transform, problem.frame[fold.valid], list(problem.inputs)),
        problem.target[fold.valid],
        problem.weight[fold.valid],
        train.categorical,
    )
    return EncodedFold(train, valid, transform)


def _encode(
    problem: Problem, rows: Rows, known_at: int | None, encoding: Encoding, most_rows: int | None
) -> tuple[TransformDocument, Matrix]:
    known = problem.labels(known_at)
    rows = rows[known.weight[rows] > 0]
    limits = [most for most in (most_rows, MOST_SCALED_ROWS if encoding == "scaled" else None) if most]
    weight = known.weight[rows]
    if limits and len(rows) > min(limits):
        places, factor = sample_rows(known.target[rows], min(limits), task=problem.task, seed=problem.seed)
        rows, weight = rows[places], weight[places] * factor
    frame, target, inputs = problem.frame[rows], known.target[rows], list(problem.inputs)
    training = TrainingRows(frame, target, problem.task, problem.seed, problem.time, problem.pairs)
    fitted = FITS[encoding](training, inputs)
    values = fitted.training_matrix(frame, inputs)
    categorical = tuple(categorical_outputs(fitted.document))
    return fitted.document, Matrix(values, target, weight, categorical)
