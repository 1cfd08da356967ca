"""Which rows trained and which validated, as a report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import make_folds
from mlwright.lifecycle.rows import Rows
from mlwright.project import Task

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


def fold_facts(rows: Rows, fitted: Mapping[str, JSON], *, task: Task, seed: int) -> dict[str, object]:
    """Give kind and reason of the folds, each with its rows and moments, and those of the held-out rows.

    A short budget may have left only the last of the folds.
    """
    frame = rows.frame[rows.train]
    folds = make_folds(frame, rows.target[rows.train], rows.data, task=task, seed=seed)
    time = rows.data.time
    moments = None
    if time is not None and time in frame.columns and frame.schema[time].is_temporal():
        moments = frame[time].cast(pl.Datetime("us"))
    parts = [
        {
            "train_rows": len(fold.train),
            "valid_rows": len(fold.valid),
            "train": _range(moments, fold.train),
            "valid": _range(moments, fold.valid),
        }
        for fold in folds.folds[-_used(fitted) :]
    ]
    whole = None if moments is None or time is None else rows.frame[time].cast(pl.Datetime("us"))
    return {
        "kind": folds.kind,
        "why": fitted.get("folds", folds.why),
        "parts": parts,
        "held_out": {"rows": len(rows.test), "range": _range(whole, rows.test)},
        "training": {"rows": len(rows.train), "range": _range(whole, rows.train)},
    }


def _used(fitted: Mapping[str, JSON]) -> int:
    """Count the folds that candidates went through; 0, which is all, where none tells."""
    tried = fitted.get("tried")
    rounds = [one.get("rounds") for one in tried if isinstance(one, dict)] if isinstance(tried, list) else []
    return max((len(one) for one in rounds if isinstance(one, list)), default=0)


def _range(moments: pl.Series | None, places: npt.NDArray[np.int64]) -> list[str] | None:
    if moments is None:
        return None
    chosen = moments.gather(pl.Series(places)).drop_nulls()
    if not len(chosen):
        return None
    first, last = chosen.sort().gather([0, -1]).dt.to_string("%Y-%m-%dT%H:%M:%S").to_list()
    return [first, last]
