"""Frozen monitoring cells: how training rows and held-out scores lie in quantile and level cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column

CELLS = 32
LEVELS = 64
Floats = npt.NDArray[np.float64]


def build_reference(
    frame: pl.DataFrame, inputs: Sequence[Column], scores: Floats, quality: Mapping[str, float]
) -> dict[str, object]:
    """Freeze the cells of the input columns and of the scores.

    `scores` are probabilities of the positive class, values of a regression, or the largest probability;
    `quality` is what evaluation counted at the packaged threshold.
    """
    columns = [_column(frame[column.name], column) for column in inputs]
    edges = _edges(scores[np.isfinite(scores)])
    return {
        "format": 1,
        "rows": frame.height,
        "columns": columns,
        "score": {"edges": edges, "counts": _count(scores, edges)},
        "quality": dict(quality),
    }


def _column(values: pl.Series, column: Column) -> dict[str, object]:
    if column.type in ("string", "boolean"):
        return _levels(values, column.name)
    numbers = np.sort(values.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy())
    edges = _edges(numbers[np.isfinite(numbers)])
    return {"name": column.name, "kind": "number", "edges": edges, "counts": _count(numbers, edges)}


def _levels(values: pl.Series, name: str) -> dict[str, object]:
    texts = values.cast(pl.Int64).cast(pl.String) if values.dtype == pl.Boolean else values.cast(pl.String)
    counts = texts.drop_nulls().value_counts().sort(["count", texts.name], descending=[True, False])
    top = counts.head(LEVELS)
    others = int(counts["count"].sum() or 0) - int(top["count"].sum() or 0)
    return {
        "name": name,
        "kind": "level",
        "levels": top[texts.name].to_list(),
        "counts": [*top["count"].to_list(), others, 0, texts.null_count()],
    }


def _edges(numbers: Floats) -> list[float]:
    """Give the distinct inner quantiles; they are data values, so that atoms stay apart."""
    if not len(numbers):
        return []
    inner = np.quantile(numbers, np.arange(1, CELLS) / CELLS, method="inverted_cdf")
    return [float(edge) for edge in np.unique(inner)]


def _count(numbers: Floats, edges: Sequence[float]) -> list[int]:
    """Count per cell (e[k-1], e[k]]; the last cell is null."""
    ordered = np.sort(numbers)  # NaN stands last
    missing = int(np.isnan(ordered).sum())
    known = len(ordered) - missing
    ends = np.searchsorted(ordered[:known], np.array(edges), side="right")
    return [*np.diff(ends, prepend=0, append=known).tolist(), missing]
