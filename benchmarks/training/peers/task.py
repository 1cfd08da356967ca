"""What a peer is asked, and what it hands back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Task:
    """One table to learn, with the processor seconds that may be spent."""

    train: pd.DataFrame
    test: pd.DataFrame
    target: np.ndarray
    classes: list[str]
    task: str
    label: str
    time: str | None
    group: np.ndarray | None
    budget: float
    seed: int
    folder: Path


@dataclass(frozen=True)
class Fitted:
    """A model: scores of a frame, its own estimate in the measure of the table, and where its bytes are."""

    predict: Callable[[pd.DataFrame], np.ndarray]
    validation: float | None
    saved: Path
    note: str = ""


def read_task(path: Path) -> Task:
    """Read the files of a task. The group is no feature: those of the test are new."""
    asked: dict[str, Any] = json.loads(path.read_text())
    train, test = pd.read_parquet(asked["train"]), pd.read_parquet(asked["test"])
    label, group = asked["label"], asked["group"]
    if asked["time"]:
        train = train.sort_values(asked["time"], kind="stable").reset_index(drop=True)
    target, classes = _target(train[label], asked)
    groups = train[group].to_numpy() if group else None
    dropped = [label, *([group] if group else [])]
    return Task(
        train.drop(columns=dropped),
        test.drop(columns=dropped),
        target,
        classes,
        asked["task"],
        label,
        asked["time"],
        groups,
        asked["budget"],
        asked["seed"],
        Path(asked["folder"]),
    )


def _target(values: pd.Series, asked: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    if asked["task"] == "regression":
        return values.to_numpy(dtype=float), []
    texts = values.astype(str).to_numpy()
    if asked["task"] == "binary":
        return (texts == asked["positive"]).astype(int), []
    classes = sorted(set(texts))
    return np.searchsorted(classes, texts), classes
