"""Runs whose reports are looked at: two classes with time, several classes, a number; and odd names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mlwright.commands.init import InitRequest, init
from mlwright.commands.run import RunRequest, RunResult, run
from mlwright.pipeline import Silent

ODD_NAME = '<b>tag & "quote"</b>'
CLASSES = 24


def table(kind: str, rows: int = 1_500) -> pl.DataFrame:
    """Give a table for a task; one column has a name that a page must not take for a tag."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(rows, 4))
    shop = rng.choice(["a", "<i>b</i>", None], rows)
    when = np.datetime64("2024-01-01", "us") + np.sort(rng.integers(0, 300 * 86_400, rows)).astype("m8[s]")
    margin = 2 * x[:, 0] + x[:, 1] * x[:, 2] + (shop == "a")
    columns = {"x": x[:, 0], ODD_NAME: x[:, 1], "y": x[:, 2], "idle": x[:, 3], "shop": shop}
    if kind == "binary":
        return pl.DataFrame(
            {**columns, "ts": when, "won": (margin + rng.logistic(size=rows) > 0).astype(int)}
        )
    if kind == "multiclass":
        place = np.clip(
            np.digitize(margin + 0.3 * rng.normal(size=rows), np.linspace(-4, 4, CLASSES - 1)), 0, CLASSES - 1
        )
        return pl.DataFrame({**columns, "label": [f"kind {at}" for at in place]})
    return pl.DataFrame({**columns, "price": 10 + margin + rng.normal(size=rows)})


def reported(folder: Path, kind: str, data: Path | None = None, **more: float) -> RunResult:
    """Make a project of a kind, on a table of its own or a given one, and run it."""
    folder.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = folder / f"{kind}.parquet"
        table(kind).write_parquet(data)
    label = {"binary": "won", "multiclass": "label", "regression": "price"}[kind]
    project = init(
        InitRequest("demo", folder, data=(str(data),), label=label, time="ts" if kind == "binary" else None)
    ).root
    wishes: dict[str, float] = more or {"trials": 2}
    return run(RunRequest(project, **wishes), Silent())  # type: ignore[arg-type]  # budgets and counts
