"""Cut rows into parts: by the values of a column, by quarters of its numbers, and by two columns at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from mlwright.training.checks.check import Rows
from mlwright.training.checks.column_power import numbers_of
from mlwright.training.checks.promised import Slices

MOST_LEVELS = 20
QUARTERS = 4
OTHERS = -1


@dataclass(frozen=True)
class Parts:
    """The code of each row, and for each code the sentences that say what its rows have in common.

    `by_value` says that parts are values, not ranges, of columns.
    """

    columns: tuple[str, ...]
    names: Mapping[int, tuple[str, ...]]
    codes: Rows
    by_value: bool

    def slices(self, fewest: int) -> tuple[list[tuple[str, ...]], Slices]:
        """Give the names of the parts that have so many rows, and their rows."""
        places = self.codes - OTHERS
        sizes = np.bincount(places)
        kept = [place for place in np.flatnonzero(sizes >= fewest).tolist() if place + OTHERS in self.names]
        numbers = np.full(len(sizes), -1)
        numbers[kept] = np.arange(len(kept))
        rows = np.flatnonzero(numbers[places] >= 0)
        names = [self.names[place + OTHERS] for place in kept]
        return names, Slices(rows, numbers[places[rows]], len(kept))


def cut_column(values: pl.Series) -> Parts | None:
    """Cut by the most frequent values of few or of texts, else by quarters; None for one value only.

    >>> list(cut_column(pl.Series("shop", ["a", "b", "a", None])).names.values())
    [('shop = (empty)',), ('shop = a',), ('shop = b',)]
    >>> cut_column(pl.Series("x", range(100))).names[1]
    ('24.75 < x <= 49.5',)
    """
    if values.dtype in (pl.String, pl.Boolean) or values.n_unique() <= MOST_LEVELS:
        return _by_value(values)
    return _by_quarter(values)


def cross(left: Parts, right: Parts) -> Parts:
    """Cut by two columns at once."""
    width = max(right.names) + 2
    names = {a * width + b: left.names[a] + right.names[b] for a in left.names for b in right.names}
    is_named = (left.codes != OTHERS) & (right.codes != OTHERS)
    codes = np.where(is_named, left.codes * width + right.codes, OTHERS)
    return Parts(left.columns + right.columns, names, codes, left.by_value and right.by_value)


def _by_value(values: pl.Series) -> Parts | None:
    texts = values.cast(pl.String).fill_null("(empty)")
    counts = texts.value_counts(sort=True).head(MOST_LEVELS)
    if counts.height < 2:
        return None
    levels = counts[values.name].sort().to_list()
    codes = texts.replace_strict(levels, list(range(len(levels))), default=OTHERS, return_dtype=pl.Int64)
    names = {code: (f"{values.name} = {level}",) for code, level in enumerate(levels)}
    return Parts((values.name,), names, codes.to_numpy(), by_value=True)


def _by_quarter(values: pl.Series) -> Parts | None:
    numbers = numbers_of(values)
    given = numbers[np.isfinite(numbers)]
    shares = np.linspace(0, 1, QUARTERS + 1)[1:-1]
    edges = np.unique(np.quantile(given, shares)) if len(given) else given
    if not len(edges):
        return None
    cells = np.searchsorted(edges, np.nan_to_num(numbers, nan=-np.inf), side="left")
    cells[np.isnan(numbers)] = len(edges) + 1
    texts = [_text(edge, values.dtype) for edge in edges.tolist()]
    name = values.name
    between = [f"{low} < {name} <= {high}" for low, high in pairwise(texts)]
    said = [f"{name} <= {texts[0]}", *between, f"{name} > {texts[-1]}", f"{name} = (empty)"]
    names = {code: (sentence,) for code, sentence in enumerate(said)}
    return Parts((name,), names, cells.astype(np.int64), by_value=False)


def _text(edge: float, dtype: pl.DataType) -> str:
    """Write an edge, as a moment where the column holds moments."""
    if dtype == pl.Date:
        return datetime.fromtimestamp(edge * 86_400, UTC).strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        per_second = {"ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.time_unit]
        return datetime.fromtimestamp(edge / per_second, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{edge:.6g}"
