"""Fewer rows to learn from, so that rare classes keep enough: those left over weigh what they stand for."""

from __future__ import annotations

import numpy as np

from mlwright.project import Task
from mlwright.training.problem import Floats, Rows

FAIR_SHARE = 0.25  # of the rows is divided equally among classes, as far as they have rows


def sample_rows(
    target: Floats, most: int, *, task: Task, seed: int, lists: Rows | None = None
) -> tuple[Rows, Floats]:
    """Give places of at most about `most` rows, in order, and the weight of each; whole lists if there are.

    >>> target = np.r_[np.ones(10), np.zeros(9_990)]
    >>> rows, weight = sample_rows(target, 1_000, task="binary", seed=7)
    >>> int(target[rows].sum()), len(rows), round(float(weight.sum()))
    (10, 1000, 10000)
    """
    if len(target) <= most:
        return np.arange(len(target)), np.ones(len(target))
    generator = np.random.default_rng(seed)
    if lists is not None:
        chosen = whole_lists(lists, most, generator)
        return chosen, np.full(len(chosen), len(target) / max(len(chosen), 1))
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


def whole_lists(lists: Rows, most: int, generator: np.random.Generator) -> Rows:
    """Give places of the rows of some lists, in order: about `most`, and one list at least.

    >>> whole_lists(np.array([0, 0, 1, 1, 2]), 3, np.random.default_rng(7)).tolist()
    [0, 1, 4]
    """
    _, codes, sizes = np.unique(lists, return_inverse=True, return_counts=True)
    order = generator.permutation(len(sizes))
    taken = np.zeros(len(sizes), dtype=bool)
    taken[order[: max(int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")), 1)]] = True
    return np.flatnonzero(taken[codes])


def _shares(sizes: Rows, most: int) -> Rows:
    """Give how many rows of each class are taken: an equal part for all, the rest by size."""
    equal = np.minimum(sizes, max(int(FAIR_SHARE * most) // len(sizes), 1))
    rest, room = sizes - equal, max(most - int(equal.sum()), 0)
    more = rest * min(room / max(int(rest.sum()), 1), 1.0)
    return np.asarray(equal + np.floor(more), dtype=np.int64)
