"""What a check is given: rows with their roles and, once there is a model, its scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.project import DataConfig, Task

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CheckInput:
    """Rows of one prediction problem.

    `frame` has every column, also those that no model reads; `target` is 0/1, the index of the class, or the
    value of all its rows. `train` and `test` are places in it. `scores` are the model's answers for the test
    rows.
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
