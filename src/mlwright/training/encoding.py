"""Rows as matrices: transforms are fitted inside a fold and kept while that fold is at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from mlwright.data import Column, Fold
from mlwright.features import (
    Memory,
    TrainingRows,
    TransformDocument,
    apply_transform,
    categorical_outputs,
    fit_linear_transform,
    fit_numeric_transform,
    fit_tree_transform,
)
from mlwright.training.learner import Encoding, Matrix
from mlwright.training.problem import Floats, Problem, Rows
from mlwright.training.sample import sample_rows
from mlwright.training.screening import MOST_ROWS, strongest_columns, views_of

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
        self._learned: Learned = {}

    def of(self, number: int, encoding: Encoding) -> EncodedFold:
        """Give the matrices of a fold."""
        if (number, encoding) not in self._made:
            fold = self._problem.folds.folds[number]
            encoder = _Encoder(self._problem, encoding, self._most_rows, self._learned)
            self._made[number, encoding] = encoder.fold(fold)
        return self._made[number, encoding]


def encode_all(
    problem: Problem, encoding: Encoding, most_rows: int | None = None
) -> tuple[TransformDocument, Matrix]:
    """Give the transform and the matrix of the rows whose labels are known, or of a sample of them."""
    encoder = _Encoder(problem, encoding, most_rows, {})
    return encoder.fit(np.arange(problem.frame.height), problem.known_at)


Learned: TypeAlias = dict[tuple[int | None, int], Memory]
"""What was learned of sentences, by the moment of the labels and the hash of the rows."""


@dataclass(frozen=True)
class _Encoder:
    """Fits transforms of one encoding."""

    problem: Problem
    encoding: Encoding
    most_rows: int | None
    learned: Learned

    def fold(self, fold: Fold) -> EncodedFold:
        problem = self.problem
        transform, train = self.fit(fold.train, fold.known_at)
        read = {column["name"] for column in transform["inputs"]}
        inputs = [column for column in problem.inputs if column.name in read]
        asked = problem.frame.select(pl.col([column.name for column in inputs]))[fold.valid]
        valid = Matrix(
            apply_transform(transform, asked, inputs),
            problem.target[fold.valid],
            problem.weight[fold.valid],
            train.categorical,
            None if problem.ranked is None else problem.ranked[fold.valid],
        )
        return EncodedFold(train, valid, transform)

    def inputs(self, rows: Rows, target: Floats) -> list[Column]:
        """Give the columns that are read: all of them, or those that tell most of these rows."""
        problem = self.problem
        if problem.width == len(problem.inputs):
            return list(problem.inputs)
        some, _ = sample_rows(target[rows], MOST_ROWS, task=problem.task, seed=problem.seed)
        chosen = rows[some]
        views = views_of(target[chosen], is_multiclass=problem.task == "multiclass")
        return strongest_columns(problem.frame[chosen], problem.inputs, views, problem.width)

    def fit(self, rows: Rows, known_at: int | None) -> tuple[TransformDocument, Matrix]:
        problem = self.problem
        known = problem.labels(known_at)
        rows = rows[known.weight[rows] > 0]
        scaled_rows = MOST_SCALED_ROWS if self.encoding == "scaled" else None
        limits = [most for most in (self.most_rows, scaled_rows) if most]
        weight = known.weight[rows]
        if limits and len(rows) > min(limits):
            target = known.target[rows]
            lists = None if problem.ranked is None else problem.ranked[rows]
            places, factor = sample_rows(
                target, min(limits), task=problem.task, seed=problem.seed, lists=lists
            )
            rows, weight = rows[places], weight[places] * factor
        target, inputs = known.target[rows], self.inputs(rows, known.target)
        frame = problem.frame.select(pl.col([column.name for column in inputs]))[rows]
        training = TrainingRows(frame, target, problem.task, problem.seed, problem.time, problem.pairs)
        memory = self.learned.setdefault((known_at, hash(rows.tobytes())), {})
        fitted = FITS[self.encoding](training, inputs, memory)
        values = fitted.training_matrix(frame, inputs)
        categorical = tuple(categorical_outputs(fitted.document))
        lists = None if problem.ranked is None else problem.ranked[rows]
        return fitted.document, Matrix(values, target, weight, categorical, lists)
