"""Some training and test rows as one matrix, shared by checks that need numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.training.checks.quick_model import plain_matrix, sample_rows

MOST_TRAIN = 30_000
MOST_TEST = 20_000
MOST_COLUMNS = 300
MOST_CELLS = 1_500_000
FEWEST_ROWS = 2_000


@dataclass(frozen=True)
class Sample:
    """Rows as numbers: `matrix` has the training rows first; `train` and `test` say which they are.

    `test` holds places among the test rows. Texts are codes of their levels, by how often they happen.
    """

    columns: tuple[Column, ...]
    matrix: npt.NDArray[np.float64]
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]

    @property
    def train_matrix(self) -> npt.NDArray[np.float64]:
        """Give the numbers of the training rows."""
        return self.matrix[: len(self.train)]

    @property
    def test_matrix(self) -> npt.NDArray[np.float64]:
        """Give the numbers of the test rows."""
        return self.matrix[len(self.train) :]


def take_sample(
    frame: pl.DataFrame,
    inputs: Sequence[Column],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    *,
    most: tuple[int, int] = (MOST_TRAIN, MOST_TEST),
    seed: int,
) -> Sample:
    """Draw at most so many rows of both, fewer of wide tables; of over 300 columns every n-th is taken."""
    step = -(-len(inputs) // MOST_COLUMNS)
    columns = tuple(inputs[:: max(step, 1)])
    narrow = max(MOST_CELLS // max(len(columns), 1), FEWEST_ROWS)
    rows = train[sample_rows(len(train), min(most[0], narrow), seed)]
    asked = sample_rows(len(test), min(most[1], narrow), seed)
    matrix = plain_matrix(frame[np.r_[rows, test[asked]]], columns)
    return Sample(columns, matrix, rows, asked)
