"""Rows on which a conversion would show its mistakes: on, beside and between all thresholds, null, unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

ROWS = 10_000


def around(thresholds: Sequence[float]) -> np.ndarray:
    """Give the float32 neighbours of thresholds, the middles between, and the doubles beside all these."""
    centre = np.unique(np.asarray(thresholds, dtype=np.float32))
    with np.errstate(over="ignore", under="ignore"):
        low, high = np.nextafter(centre, np.float32(-np.inf)), np.nextafter(centre, np.float32(np.inf))
    steps = [part.astype(np.float64) for part in (centre, low, high)]
    exact = np.concatenate([*steps, (steps[0] + steps[1]) / 2, (steps[0] + steps[2]) / 2, thresholds])
    values = np.concatenate([exact, np.nextafter(exact, np.inf), np.nextafter(exact, -np.inf)])
    return values[np.isfinite(values)]


def edge_rows(
    thresholds: Mapping[int, Sequence[float]], categories: Mapping[int, Sequence[float]], width: int
) -> np.ndarray:
    """Make at least 10 000 rows that hold every value of `around` and of `categories`, and nulls.

    A column of categories holds nothing but those values: a category is a whole number.
    """
    rng = np.random.default_rng(5)
    near = {place: around(values) for place, values in thresholds.items()}
    near |= {place: np.asarray(values, dtype=np.float64) for place, values in categories.items()}
    count = max([ROWS, *(2 * len(values) for values in near.values())])
    matrix = rng.normal(size=(count, width)) * rng.choice([1e-3, 1.0, 1e6], size=(count, width))
    for place, values in near.items():
        drawn = rng.random(count) < (1.0 if place in categories else 0.7)
        matrix[drawn, place] = rng.choice(values, int(drawn.sum()))
    matrix[rng.random(matrix.shape) < 0.08] = np.nan
    for place, values in near.items():
        matrix[rng.permutation(count)[: len(values)], place] = values
    return matrix
