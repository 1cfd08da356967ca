"""Six kinds of leak, each a column that is planted into a table with an honest label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]


def copy(target: Floats, random: np.random.Generator) -> pl.Series:
    """The label under another name and scale."""
    del random
    return pl.Series(target * 3 + 1)


def noisy_copy(target: Floats, random: np.random.Generator) -> pl.Series:
    """The label with 2 % of the rows exchanged for those of others."""
    found = target.copy()
    wrong = random.random(len(target)) < 0.02
    found[wrong] = random.permutation(target)[wrong]
    return pl.Series(found)


def post_event(target: Floats, random: np.random.Generator) -> pl.Series:
    """An amount that is filled in after the event: for 90 % of positives (high values), 1 % of the others."""
    is_positive = target >= 0.5 if set(np.unique(target)) <= {0.0, 1.0} else None
    if is_positive is None:
        return pl.Series(
            target * random.normal(1.0, 0.03, len(target))
            + 0.05 * target.std() * random.normal(size=len(target))
        )
    is_filled = random.random(len(target)) < np.where(is_positive, 0.9, 0.01)
    amounts = random.lognormal(3, 1, len(target))
    return pl.Series(np.where(is_filled, amounts, np.nan)).fill_nan(None)


def coded_id(target: Floats, random: np.random.Generator) -> pl.Series:
    """A distinct number for each row, handed out in the order of the label."""
    order = np.lexsort((random.random(len(target)), target))
    ids = np.empty(len(target), dtype=np.int64)
    ids[order] = 100_000 + np.cumsum(random.integers(1, 5, len(target)))
    return pl.Series(ids)


def target_mean(target: Floats, random: np.random.Generator) -> pl.Series:
    """The mean label of a made category with 20 rows a level, taken over all rows."""
    levels = random.integers(0, max(len(target) // 20, 2), len(target))
    sums, counts = np.bincount(levels, weights=target), np.bincount(levels)
    return pl.Series(sums[levels] / counts[levels])


def future_lag(target: Floats, random: np.random.Generator) -> pl.Series:
    """The label of the next row, the last one empty."""
    del random
    return pl.Series(np.append(target[1:], np.nan)).fill_nan(None)


LEAKS: dict[str, Callable[[Floats, np.random.Generator], pl.Series]] = {
    "copy": copy,
    "noisy copy": noisy_copy,
    "post-event": post_event,
    "coded id": coded_id,
    "target mean": target_mean,
    "future lag": future_lag,
}
