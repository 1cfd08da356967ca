"""How well scores order the rows of each list: normalised discounted cumulative gain.

Reference: Järvelin, Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques; tied scores share
their places as in McSherry, Najork 2008.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.interval import Interval

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

PLACES = 10
REPETITIONS = 400


def ndcg_of_lists(y: Floats, p: Floats, lists: Codes, *, places: int = PLACES) -> Floats:
    """Give the NDCG of each list, by its code from 0 up; NaN for one without a relevant row.

    The gain of a row is its relevance `y`, which is 0 or more.

    >>> ndcg_of_lists(np.array([0.0, 1.0]), np.array([0.9, 0.1]), np.array([0, 0])).round(3).tolist()
    [0.631]
    """
    count = int(lists.max()) + 1 if len(lists) else 0
    best = _gains(y, y, lists, count, places)
    found = _gains(y, p, lists, count, places)
    known = best > 0
    return np.asarray(np.where(known, found / np.where(known, best, 1.0), np.nan), dtype=np.float64)


def ranking_quality(y: Floats, p: Floats, lists: Codes, *, seed: int = 7) -> dict[str, object]:
    """Give the mean NDCG over lists with its interval, and what no order at all would have.

    Rows without a list are left out. The interval draws whole lists.
    """
    known = lists >= 0
    y, p = y[known] - min(float(y[known].min(initial=0.0)), 0.0), p[known]
    _, codes = np.unique(lists[known], return_inverse=True)
    each = ndcg_of_lists(y, p, codes)
    chance = ndcg_of_lists(y, np.zeros(len(y)), codes)
    judged = each[np.isfinite(each)]
    return {
        "places": PLACES,
        "lists": len(each),
        "judged": len(judged),
        "ndcg": _interval(judged, seed).to_json(),
        "unordered": float(np.nanmean(chance)) if len(judged) else None,
    }


def _gains(y: Floats, p: Floats, lists: Codes, count: int, places: int) -> Floats:
    """Sum for each list the gains at their discounted places; rows with tied scores share their places."""
    order = np.lexsort((-p, lists))
    of_list, score, gain = lists[order], p[order], y[order]
    is_first = np.r_[True, of_list[1:] != of_list[:-1]] if len(order) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(is_first)
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    discount = np.where(place < places, 1.0 / np.log2(place + 2.0), 0.0)
    tie = np.cumsum(is_first | np.r_[True, score[1:] != score[:-1]]) - 1 if len(order) else starts
    shared = np.bincount(tie, weights=discount) / np.bincount(tie)
    return np.asarray(np.bincount(of_list, weights=gain * shared[tie], minlength=count), dtype=np.float64)


def _interval(values: Floats, seed: int) -> Interval:
    if len(values) < 2:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = [float(values[rng.integers(0, len(values), len(values))].mean()) for _ in range(REPETITIONS)]
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))
