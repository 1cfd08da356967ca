"""What a trainer is asked: rows, labels as they were known, folds and a metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column, Folds, LabelsAt, is_free_text
from mlwright.evaluation import told_metrics
from mlwright.features import Pair
from mlwright.features.sentences import SEEN_ROWS
from mlwright.project import MetricName, Task, TrainingConfig

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
MOST_COLUMNS = 1_000
Goal: TypeAlias = Literal["binary", "multiclass", "regression", "logarithm", "poisson", "rank"]

MOST_RESERVED_ROWS = 100_000


def goal_of(task: Task, settings: TrainingConfig) -> Goal:
    """Tell what is fitted: the task, and for numbers whether they are counts, or ranked in lists.

    >>> goal_of("regression", TrainingConfig(metric="poisson_deviance"))
    'poisson'
    """
    if task != "regression":
        return task
    goals: dict[str, Goal] = {"poisson": "poisson", "rank": "rank"}
    if settings.objective == "auto":
        goals = {"poisson_deviance": "poisson", "ndcg": "rank"}
        return goals.get(settings.metric, "regression")
    return goals.get(settings.objective, "regression")


def metrics_of(task: Task, settings: TrainingConfig) -> tuple[MetricName, ...]:
    """Name the metrics that tell how good answers are."""
    own: dict[Goal, MetricName] = {"poisson": "poisson_deviance", "rank": "ndcg"}
    goal = goal_of(task, settings)
    return told_metrics(task, [settings.metric, *([own[goal]] if goal in own else [])])


@dataclass(frozen=True)
class Problem:
    """The training rows of one prediction problem.

    `frame` has the input columns; `target` is 0/1, the index of the class, or the value. `labels` gives
    targets and weights as known at a moment; `known_at` is the moment at which the final model is trained.
    `blocks` names rows that stand and fall together, such as those of a day; `time` is the column that says
    when a row happened, `pairs` are columns that a model sees together, `lists` numbers the list in which a
    row is ranked, -1 for none.
    """

    frame: pl.DataFrame
    target: Floats
    weight: Floats
    inputs: tuple[Column, ...]
    task: Task
    classes: int
    metric: MetricName
    folds: Folds
    labels: LabelsAt
    known_at: int | None
    blocks: Rows | None
    settings: TrainingConfig
    seed: int
    time: str | None = None
    pairs: tuple[Pair, ...] = ()
    lists: Rows | None = None
    full_share: float = 0.0
    """How many times its rows the model learns once more at the end, held-out ones included; 0 is never."""
    most_columns: int = MOST_COLUMNS
    """How many of the inputs a model reads; of more, each fold takes those that tell most."""
    is_logarithmic: bool = False
    """Tells that members of a regression add up the logarithm of the value."""

    @property
    def full_reserve(self) -> float:
        """Give how many refits are kept for learning all rows; of many rows the last tell little."""
        return self.full_share if self.frame.height <= MOST_RESERVED_ROWS else 0.0

    @property
    def goal(self) -> Goal:
        """Tell what is fitted."""
        return "logarithm" if self.is_logarithmic else goal_of(self.task, self.settings)

    @property
    def ranked(self) -> Rows | None:
        """Give the lists where the order within them is fitted."""
        return self.lists if self.goal == "rank" else None

    @property
    def width(self) -> int:
        """Count the columns that a model reads."""
        return min(len(self.inputs), self.most_columns)

    @cached_property
    def sentence_bytes(self) -> float:
        """Measure how many bytes of sentences a row holds on average."""
        head = self.frame.head(SEEN_ROWS)
        texts = [head[column.name] for column in self.inputs if column.type == "string"]
        return sum(float(text.str.len_bytes().sum()) / len(text) for text in texts if is_free_text(text))

    @property
    def outputs(self) -> int:
        """Count the sums that a model gives for a row."""
        return self.classes if self.task == "multiclass" else 1
