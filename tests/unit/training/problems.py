"""Small problems with a known answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from mlwright.data import Column, make_folds
from mlwright.data.arrival import KnownLabels
from mlwright.project import DataConfig, MetricName, SplitConfig, Task, TrainingConfig
from mlwright.training.problem import Problem


class Silence:
    """Says nothing and remembers in a dictionary; implements `Watch`."""

    def __init__(self) -> None:
        self.notes: dict[str, bytes] = {}
        self.said: list[str] = []

    def move(self, share: float, text: str) -> None:
        assert 0.0 <= share <= 1.0
        self.said.append(text)

    def recall(self, key: str) -> bytes | None:
        return self.notes.get(key)

    def remember(self, key: str, data: bytes) -> None:
        self.notes[key] = data


def problem(  # noqa: PLR0913  # what a problem consists of
    frame: pl.DataFrame,
    target: np.ndarray,
    *,
    task: Task = "binary",
    classes: int = 2,
    metric: MetricName = "log_loss",
    settings: Mapping[str, object] | None = None,
    data: DataConfig | None = None,
) -> Problem:
    types = {"Float64": "number", "Int64": "integer", "String": "string", "Boolean": "boolean"}
    used = data or DataConfig(split=SplitConfig())
    weight = np.ones(len(target))
    return Problem(
        frame=frame,
        target=target.astype(float),
        weight=weight,
        inputs=tuple(
            Column(name, types[str(kind)])  # type: ignore[arg-type]  # the names above
            for name, kind in frame.schema.items()
        ),
        task=task,
        classes=classes,
        metric=metric,
        folds=make_folds(frame, target.astype(float), used, task=task, seed=7),
        labels=lambda _: KnownLabels(target.astype(float), weight),
        known_at=None,
        blocks=None,
        settings=TrainingConfig(**(settings or {})),  # type: ignore[arg-type]  # as given
        seed=7,
    )


def rare(rate: float, rows: int, seed: int = 4) -> tuple[pl.DataFrame, np.ndarray]:
    """Give rows whose positives are rare and depend on a number and on a text of 400 levels."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=rows)
    shop = rng.choice([f"s{number}" for number in range(400)], rows)
    noise = np.where(np.char.endswith(shop, "7"), 1.5, 0.0)
    cut = np.quantile(signal + noise, 1 - rate)
    target = (signal + noise + rng.normal(size=rows) * 0.3 > cut).astype(float)
    return pl.DataFrame({"signal": signal, "shop": shop}), target
