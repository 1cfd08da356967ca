"""How well scores order the rows of each list: normalised discounted cumulative gain.

Reference: Järvelin, Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques; tied scores share
their places as in McSherry, Najork 2008.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

PLACES = 10


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


def judged_lists(y: Floats, p: Floats, lists: Codes) -> tuple[Codes, Floats]:
    """Give each row the place of its list, -1 for a row without one, and the NDCG of the lists.

    Relevance below 0 is lifted to 0, for all rows alike.
    """
    known = lists >= 0
    codes = np.full(len(lists), -1, dtype=np.int64)
    _, codes[known] = np.unique(lists[known], return_inverse=True)
    lifted = y[known] - min(float(y[known].min(initial=0.0)), 0.0)
    return codes, ndcg_of_lists(lifted, p[known], codes[known])


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
