"""A rising line through the margins of a binary model: isotonic calibration that keeps the order of rows.

Reference: Zadrozny and Elkan 2002, by pooling of adjacent violators. Blocks become corners at their centres,
with straight pieces between (Jiang et al. 2011), so that no two margins become one.
"""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import isotonic_regression

from mlwright.training.learner import Floats
from mlwright.training.trainer import Calibration

MOST_BINS = 100
FEWEST_ROWS = 50  # of a bin
FEWEST_PER_CLASS = 500  # of all rows: with fewer, corners follow chance


def fit_corners(margins: Floats, target: Floats, weight: Floats) -> Calibration:
    """Give corners that fit the rates of bins of the margins; no calibration for too few rows of a class.

    >>> given = np.random.default_rng(7).normal(size=20_000)
    >>> told = (np.random.default_rng(8).random(20_000) < 0.1 + 0.8 * (given > 0)).astype(float)
    >>> line = fit_corners(given, told, np.ones(20_000))
    >>> bool(abs(line.apply(np.array([-1.0]))[0] - np.log(0.1 / 0.9)) < 0.2)
    True
    """
    if min(target.sum(), (1 - target).sum()) < FEWEST_PER_CLASS:
        return Calibration()
    bins = min(MOST_BINS, len(margins) // FEWEST_ROWS)
    edges = np.unique(np.quantile(margins, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, margins)
    sizes, hits, sums = (
        np.bincount(place, weights=value, minlength=len(edges) + 1)
        for value in (weight, weight * target, weight * margins)
    )
    kept = sizes > 0
    sizes, hits, sums = sizes[kept], hits[kept], sums[kept]
    rates = isotonic_regression(hits / sizes, sample_weight=sizes)
    block = np.cumsum(np.r_[0, np.diff(rates) > 0])
    sizes, hits, sums = (np.bincount(block, weights=value) for value in (sizes, hits, sums))
    prior = float(target.mean())
    values = (hits + prior) / (sizes + 1.0)  # a block without a positive is no proof that there is none
    heights = np.maximum.accumulate(np.log(values / (1 - values)))
    knots, first = np.unique(sums / sizes, return_index=True)
    return Calibration(knots=tuple(knots.tolist()), values=tuple(heights[first].tolist()))
