"""One system on one table: measured once, kept in `.cache` until the system or the table changes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from os import getloadavg
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

from tables import CACHE, SplitTable, Table, split_table


@dataclass(frozen=True)
class Asked:
    """What a system gets."""

    split: SplitTable
    budget: float
    seed: int
    folder: Path


@dataclass(frozen=True)
class Cell:
    """What came of it. `validation` is the system's own estimate of `test`; a failed cell says why."""

    table: str
    system: str
    budget: float
    seed: int
    test: float | None = None
    validation: float | None = None
    cpu_seconds: float | None = None
    peak_rss_mb: float | None = None
    package_kb: float | None = None
    row_p50_ms: float | None = None
    row_p99_ms: float | None = None
    note: str = ""
    failed: str = ""
    wall_seconds: float = 0.0
    load: float = 0.0
    date: str = ""


Measure = Callable[[Asked, Cell], tuple[Cell, np.ndarray]]


@dataclass(frozen=True)
class System:
    """A way from a table to scores; `version` changes when its cells have to be measured again."""

    name: str
    version: str
    measure: Measure
    is_budgeted: bool = True


class FitFailed(Exception):
    """A system ended without a model; the text is what it said last."""


def known_cell(asked: Asked) -> Cell | None:
    """Give a cell that was measured before, of this version and these bytes."""
    kept = asked.folder.with_name(asked.folder.name + ".json")
    return replace(Cell(**json.loads(kept.read_text())), budget=asked.budget) if kept.exists() else None


def ask(table: Table, system: System, *, budget: float, seed: int) -> Asked:
    """Say what a system gets, and in which folder."""
    split = split_table(table)
    wanted = hashlib.sha256(f"{system.version} {split.digest()}".encode()).hexdigest()[:12]
    seconds = f"{budget:g}s" if system.is_budgeted else "any"
    name = f"{table.name}--{system.name}--{seed}--{wanted}"
    return Asked(split, budget, seed, CACHE / "cells" / seconds / name)


def measure_cell(asked: Asked, system: System) -> Cell:
    """Measure a cell and keep it. A failure is a result too."""
    table = asked.split.table
    asked.folder.mkdir(parents=True, exist_ok=True)
    began, load = time.monotonic(), getloadavg()[0]
    empty = Cell(table.name, system.name, asked.budget, asked.seed)
    try:
        found, scores = system.measure(asked, empty)
        found = replace(found, test=score(table, pl.read_parquet(asked.split.test)[table.label], scores))
    except FitFailed as problem:
        found = replace(empty, failed=str(problem))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    found = replace(found, wall_seconds=time.monotonic() - began, load=load, date=now)
    kept = asked.folder.with_name(asked.folder.name + ".json")
    kept.write_text(json.dumps(asdict(found), indent=1) + "\n")
    return found


def score(table: Table, label: pl.Series, scores: np.ndarray) -> float:
    """Compare scores with the label, one way for all systems."""
    if len(scores) != len(label) or not np.isfinite(scores).all():
        raise FitFailed(f"{len(scores):,} scores for {len(label):,} rows, or some that are no numbers")
    if table.task == "regression":
        return float(mean_squared_error(label.to_numpy(), scores) ** 0.5)
    texts = label.cast(pl.String).to_numpy()
    if table.task == "binary":
        return float(roc_auc_score(texts == table.positive, scores))
    return float(log_loss(texts, scores))
