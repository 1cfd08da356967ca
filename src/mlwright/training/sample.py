"""Fewer rows to learn from, so that rare classes keep enough: those left over weigh what they stand for."""

from __future__ import annotations

import numpy as np

from mlwright.project import Task
from mlwright.training.problem import Floats, Rows

FAIR_SHARE = 0.25  # of the rows is divided equally among classes, as far as they have rows


def sample_rows(target: Floats, most: int, *, task: Task, seed: int) -> tuple[Rows, Floats]:
    """Give places of at most about `most` rows, in order, and the weight of each.

    >>> target = np.r_[np.ones(10), np.zeros(9_990)]
    >>> rows, weight = sample_rows(target, 1_000, task="binary", seed=7)
    >>> int(target[rows].sum()), len(rows), round(float(weight.sum()))
    (10, 1000, 10000)
    """
    if len(target) <= most:
        return np.arange(len(target)), np.ones(len(target))
    generator = np.random.default_rng(seed)
    if task == "regression":
        chosen = np.sort(generator.permutation(len(target))[:most])
        return chosen, np.full(len(chosen), len(target) / len(chosen))
    _, codes, sizes = np.unique(target, return_inverse=True, return_counts=True)
    taken = _shares(sizes, most)
    place = np.empty(len(target), dtype=np.int64)  # of a row among those of its class, in a random order
    shuffled = generator.permutation(len(target))
    shuffled = shuffled[np.argsort(codes[shuffled], kind="stable")]
    place[shuffled] = np.arange(len(target)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.flatnonzero(place < taken[codes])
    return chosen, (sizes / taken)[codes[chosen]]


def _shares(sizes: Rows, most: int) -> Rows:
    """Give how many rows of each class are taken: an equal part for all, the rest by size."""
    equal = np.minimum(sizes, max(int(FAIR_SHARE * most) // len(sizes), 1))
    rest, room = sizes - equal, max(most - int(equal.sum()), 0)
    more = rest * min(room / max(int(rest.sum()), 1), 1.0)
    return np.asarray(equal + np.floor(more), dtype=np.int64)
