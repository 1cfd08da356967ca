"""What a check is given: rows with their roles and, once there is a model, its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.project import DataConfig, Task, TrainingConfig
from mlwright.training.checks.sample import MOST_TEST, MOST_TRAIN, Sample, take_sample

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]

USUAL_SECONDS = 3.0  # of a run by trials, and of a budget of a minute
LEAST_SHARE = 0.25  # of the rows that checks usually look at


@dataclass(frozen=True)
class CheckInput:
    """Rows of one prediction problem.

    `frame` has every column, also those that no model reads; `target` is 0/1, the index of the class, or the
    value of all its rows. `train` and `test` are places in it. `scores` are the model's answers for the test
    rows, `blocks` the day or group of each of them, `threshold` the score from which one is positive. `facts`
    is what the trainer tells of its search, `ask` gives the model's answers for rows of the input columns.
    `seconds` are what a simpler model may take, by the model of costs; with fewer than usual, checks that
    look at some of the rows look at fewer.
    """

    frame: pl.DataFrame
    inputs: tuple[Column, ...]
    target: Floats
    task: Task
    data: DataConfig = field(default_factory=DataConfig)
    train: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    test: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scores: Floats | None = None
    seed: int = 7
    training: TrainingConfig = field(default_factory=TrainingConfig)
    threshold: float | None = None
    blocks: Rows | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    ask: Callable[[pl.DataFrame], Floats] | None = None
    seconds: float = USUAL_SECONDS

    @cached_property
    def sample(self) -> Sample:
        """Give some training and test rows as numbers, made once for all checks."""
        most = self.some(MOST_TRAIN), self.some(MOST_TEST)
        return take_sample(self.frame, self.inputs, self.train, self.test, most=most, seed=self.seed)

    def some(self, rows: int) -> int:
        """Give how many of so many rows the seconds allow to look at, a quarter of them at least.

        >>> frame = pl.DataFrame({"y": [0.0, 1.0]})
        >>> CheckInput(frame, (), frame["y"].to_numpy(), "binary", seconds=1.5).some(20_000)
        10000
        """
        return int(rows * min(max(self.seconds / USUAL_SECONDS, LEAST_SHARE), 1.0))
