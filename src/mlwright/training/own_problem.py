"""What a training function of one's own is given: rows, targets, and what it may use."""

from __future__ import annotations

import importlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features import TrainingRows, TransformDocument, categorical_outputs
from mlwright.features.terms import fit_terms_transform
from mlwright.project import MetricName, Task
from mlwright.training.encoding import FITS
from mlwright.training.learner import Floats, Matrix
from mlwright.training.problem import Problem

if TYPE_CHECKING:
    import numpy.typing as npt

Reads: TypeAlias = Literal["columns", "matrix", "scaled", "terms"]
"""What a model reads: raw columns by their names, or one of the matrices."""
MOST_TERMS = 1_000  # of all columns of sentences; a row of a request costs a look-up for each


class OwnProblem:
    """The rows of one fit, as columns and as matrices.

    A function of one's own is called once for each fold and once for all rows. It returns a fitted model of
    raw columns (it knows their names), or of one of the matrices; if it looked at several of them it returns
    which, as in `(model, "scaled")`.
    """

    def __init__(self, problem: Problem, *, fold: int | None, cpu_seconds: float) -> None:
        self._problem = problem
        self.fold = fold
        """Number of the fold, None for the fit on all rows."""
        self.cpu_seconds = cpu_seconds
        """CPU seconds that this fit may use; any number when candidates are counted."""
        self.encoded: dict[Reads, tuple[TransformDocument, Matrix]] = {}
        """The matrices that were asked for, with their transforms."""

    @property
    def frame(self) -> pl.DataFrame:
        """Give the raw columns, nulls where values are missing."""
        return self._problem.frame

    @cached_property
    def target(self) -> npt.NDArray[np.int64] | Floats:
        """Give 0 and 1, the index of each class, or the number, as it was known at the time."""
        values = self._problem.target
        return values if self.task == "regression" else values.astype(np.int64)

    @property
    def weight(self) -> Floats:
        """Give how much each row counts."""
        return self._problem.weight

    @property
    def columns(self) -> tuple[Column, ...]:
        """Give the raw columns with their types."""
        return self._problem.inputs

    @property
    def task(self) -> Task:
        """Give binary, multiclass or regression."""
        return self._problem.task

    @property
    def classes(self) -> int:
        """Count the classes, 0 for a regression."""
        return self._problem.classes

    @property
    def metric(self) -> MetricName:
        """Name the metric that decides."""
        return self._problem.metric

    @property
    def seed(self) -> int:
        """Give the seed of everything random in this fit."""
        return self._problem.seed

    @property
    def matrix(self) -> Floats:
        """Give what trees read: numbers with NaN, indices of levels, statistics of texts with many levels."""
        return self._encode("matrix").values

    @property
    def categorical(self) -> tuple[int, ...]:
        """Give the columns of `matrix` that are indices of levels."""
        return self._encode("matrix").categorical

    @property
    def scaled(self) -> Floats:
        """Give what networks and linear models read: finite scaled numbers and one-hot levels."""
        return self._encode("scaled").values

    @property
    def terms(self) -> Floats:
        """Give what networks read of sentences: TF-IDF of their words and pairs of words, beside `scaled`.

        Without a column of sentences it is the same as `scaled`.
        """
        return self._encode("terms").values

    def to_pandas(self) -> Any:
        """Give `frame` as a data frame of pandas, missing values as NaN. Needs pandas, not Arrow."""
        pandas = importlib.import_module("pandas")
        return pandas.DataFrame({name: _plain(self.frame[name]) for name in self.frame.columns})

    def _encode(self, reads: Reads) -> Matrix:
        if reads not in self.encoded:
            asked = self._problem
            inputs = list(asked.inputs)
            rows = TrainingRows(asked.frame, asked.target, asked.task, asked.seed, asked.time, rounding=None)
            if reads == "terms":
                fitted = fit_terms_transform(rows, inputs, MOST_TERMS)
            else:
                fitted = FITS["native" if reads == "matrix" else "scaled"](rows, inputs)
            values = fitted.training_matrix(asked.frame, inputs)
            places = tuple(categorical_outputs(fitted.document))
            self.encoded[reads] = fitted.document, Matrix(values, asked.target, asked.weight, places)
        return self.encoded[reads][1]


def _plain(values: pl.Series) -> npt.NDArray[Any]:
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).to_numpy() if values.null_count() else values.to_numpy()
    if values.dtype == pl.Boolean and not values.null_count():
        return values.to_numpy()
    if values.dtype.is_temporal():
        return values.to_numpy()
    made = np.empty(len(values), dtype=object)
    made[:] = [np.nan if value is None else value for value in values.to_list()]
    return made
