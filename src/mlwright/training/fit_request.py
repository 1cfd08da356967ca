"""What the baseline trainer takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.project import MetricName

Floats: TypeAlias = npt.NDArray[np.float64]
Document: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class FitRequest:
    """What a trainer gets.

    `frame` has the input columns; `target` is 0/1, the index of the class, or the value. `inner_train` and
    `inner_valid` are rows of `frame` that choose between models.
    `budget_cpu_s` is CPU seconds of this process; `move(share, text)` tells progress.
    """

    frame: pl.DataFrame
    target: Floats
    inputs: Sequence[Column]
    task: Literal["binary", "multiclass", "regression"]
    classes: int
    metric: MetricName
    inner_train: npt.NDArray[np.int64]
    inner_valid: npt.NDArray[np.int64]
    threshold: float | Literal["best_f1"]
    budget_cpu_s: float
    seed: int
    move: Callable[[float, str], None]


@dataclass(frozen=True)
class Rung:
    """One model of the baseline ladder, judged on the inner validation rows."""

    name: str
    value: float
    cpu_seconds: float
    note: str = ""


@dataclass(frozen=True)
class Fitted:
    """A fitted model as data.

    `engine` is "trees" (`model` is LightGBM's text) or "linear" (`model` is the JSON of model.linear.json).
    `transform` is transform.json.
    """

    engine: Literal["trees", "linear"]
    model: str
    transform: Document
    threshold: float | None
    ladder: tuple[Rung, ...]
    facts: Mapping[str, object] = field(default_factory=dict)


class Trainer(Protocol):
    """Fits a model.

    The same request gives the same `Fitted` while the budget is not exhausted. A trainer keeps nothing
    between calls, is called from one thread, and raises `TrainingError` when nothing can be fitted.
    """

    def fit(self, request: FitRequest) -> Fitted:
        """Fit within the budget."""
        ...
