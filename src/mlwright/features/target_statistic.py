"""Numbers for texts with many values: how often a level comes, and the smoothed mean of the target there.

A level's mean over all rows contains each row's own target, so a model that trains on it learns to trust it
too much. Training rows get ordered values instead (Prokhorenkova et al. 2018, CatBoost): rows stand in a
random order, and each sees only the rows before it:

    (sum of y over earlier rows of the level + 10 * mean) / (their count + 10)

The order is random, never the time's: ordered by time, trend becomes a feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

SMOOTHING = 10.0  # rows
MOST_LEVELS = 20_000
MOST_TARGETS = 10  # classes with a mean of their own


@dataclass(frozen=True)
class Levels:
    """The levels of a text column that get a value of their own, and each row's level (-1: another)."""

    names: list[str]
    codes: npt.NDArray[np.int64]

    @property
    def counts(self) -> Floats:
        """Count the rows of each level."""
        known = self.codes[self.codes >= 0]
        return np.bincount(known, minlength=len(self.names)).astype(np.float64)


def find_levels(values: pl.Series, *, most: int = MOST_LEVELS) -> Levels:
    """List a column's levels, the commonest first when there are too many, then by name; null is ""."""
    texts = values.cast(pl.String).fill_null("").alias("level")
    counts = texts.value_counts().sort(["count", "level"], descending=[True, False])
    names = sorted(counts["level"].head(most).to_list())
    codes = texts.replace_strict(
        pl.Series(names, dtype=pl.String), pl.Series(range(len(names))), default=-1, return_dtype=pl.Int64
    )
    return Levels(names, codes.to_numpy())


def target_means(levels: Levels, target: Floats) -> Floats:
    """Give each level's smoothed mean over all rows, for serving."""
    known = levels.codes >= 0
    sums = np.bincount(levels.codes[known], weights=target[known], minlength=len(levels.names))
    return np.asarray((sums + SMOOTHING * target.mean()) / (levels.counts + SMOOTHING), dtype=np.float64)


def ordered_means(codes: npt.NDArray[np.int64], target: Floats, *, seed: int) -> Floats:
    """Give each row its level's smoothed mean over the rows before it in a random order, for training.

    >>> ordered_means(np.array([0, 0, 1]), np.array([1.0, 1.0, 1.0]), seed=7).tolist()
    [1.0, 1.0, 1.0]
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    grouped, values = codes[order], target[order]
    first = np.r_[True, grouped[1:] != grouped[:-1]]
    starts = np.flatnonzero(first)
    start_of = np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    before = np.r_[0.0, np.cumsum(values)[:-1]]
    sums = before - before[start_of]
    counts = np.arange(len(codes)) - start_of
    means = (sums + SMOOTHING * target.mean()) / (counts + SMOOTHING)
    means[grouped < 0] = target.mean()
    found = np.empty(len(codes))
    found[order] = means
    return found


def targets_of(target: Floats, *, is_multiclass: bool) -> list[tuple[str, Floats]]:
    """Give the columns to average with a suffix for their names: one, or one per class."""
    if not is_multiclass:
        return [("mean", target)]
    classes = range(int(target.max()) + 1)[:MOST_TARGETS]
    return [(f"mean{index}", (target == index).astype(np.float64)) for index in classes]
