"""Rows as matrices: transforms are fitted inside a fold and kept while that fold is at work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.data import Fold
from mlwright.features import (
    TransformDocument,
    apply_transform,
    categorical_outputs,
    fit_linear_transform,
    fit_numeric_transform,
    fit_tree_transform,
    training_matrix,
)
from mlwright.training.learner import Encoding, Matrix
from mlwright.training.problem import Problem, Rows

FITS = {"native": fit_tree_transform, "numeric": fit_numeric_transform, "scaled": fit_linear_transform}


@dataclass(frozen=True)
class EncodedFold:
    """Matrices of a fold, and the transform that made them."""

    train: Matrix
    valid: Matrix
    transform: TransformDocument


class FoldMatrices:
    """Gives matrices of folds, each made once; all of them are small beside the raw columns."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._made: dict[tuple[int, Encoding], EncodedFold] = {}

    def of(self, number: int, encoding: Encoding) -> EncodedFold:
        """Give the matrices of a fold."""
        if (number, encoding) not in self._made:
            fold = self._problem.folds.folds[number]
            self._made[number, encoding] = _encode_fold(self._problem, fold, encoding)
        return self._made[number, encoding]


def encode_all(problem: Problem, encoding: Encoding) -> tuple[TransformDocument, Matrix]:
    """Give the transform and the matrix of all rows whose labels are known."""
    return _encode(problem, np.arange(problem.frame.height), problem.known_at, encoding)


def _encode_fold(problem: Problem, fold: Fold, encoding: Encoding) -> EncodedFold:
    transform, train = _encode(problem, fold.train, fold.known_at, encoding)
    valid = Matrix(
        apply_transform(transform, problem.frame[fold.valid], list(problem.inputs)),
        problem.target[fold.valid],
        problem.weight[fold.valid],
        train.categorical,
    )
    return EncodedFold(train, valid, transform)


def _encode(
    problem: Problem, rows: Rows, known_at: int | None, encoding: Encoding
) -> tuple[TransformDocument, Matrix]:
    known = problem.labels(known_at)
    rows = rows[known.weight[rows] > 0]
    frame, target, inputs = problem.frame[rows], known.target[rows], list(problem.inputs)
    fit = FITS[encoding]
    transform = fit(frame, target, inputs, task=problem.task, seed=problem.seed)
    values = training_matrix(transform, frame, inputs, target, task=problem.task, seed=problem.seed)
    return transform, Matrix(values, target, known.weight[rows], tuple(categorical_outputs(transform)))
