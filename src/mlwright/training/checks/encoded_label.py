"""Find a column that holds means of the label taken over all rows, those it is judged on included.

Idea: rows that share the value v of such a column have the mean label v, exactly, or with smoothing by m
rows of the overall mean p: v (n + m) = s + m p, where n rows with that value have the label sum s. An
encoding that did not see these rows misses their mean by chance: on average by one standard error. A column
that agrees with the means of its own rows far better than chance allows was computed from them.
"""

from __future__ import annotations

import numpy as np

from mlwright.training.checks.check import Floats

FEWEST_VALUES = 2
FEWEST_REPEATED = 0.5  # of the rows share their value with another
EXACT = 1e-6
SURPRISING = 0.05  # mean squared deviation in units of chance, 1 if honest
FEWEST_FOR_CHANCE = 10
FEWEST_SMOOTHED = 6  # values
MOST_ALIKE = 50  # levels that share a value by having the same rows and labels


def is_encoded_label(numbers: Floats, target: Floats) -> str:
    """Say how a column agrees with the means of the label over its own values; "" if it need not be so.

    >>> group = np.repeat(np.arange(50), 8)
    >>> label = (np.random.default_rng(1).random(400) < 0.3).astype(float)
    >>> means = np.bincount(group, weights=label) / 8
    >>> is_encoded_label(means[group], label)
    'equals the mean label of its rows'
    """
    is_given = np.isfinite(numbers)
    if not is_given.any() or not _is_within(numbers[is_given], target):
        return ""
    values, codes = np.unique(numbers[is_given].round(9), return_inverse=True)
    label = target[is_given]
    spread = float(np.var(label)) if len(label) else 0.0
    if len(values) < FEWEST_VALUES or spread == 0:
        return ""
    counts: Floats = np.bincount(codes).astype(np.float64)
    sums = np.bincount(codes, weights=label)
    shared = counts > 1
    if counts[shared].sum() < FEWEST_REPEATED * len(label) or shared.sum() < FEWEST_VALUES:
        return ""
    v, n, s = (np.asarray(part[shared], dtype=np.float64) for part in (values, counts, sums))
    if np.std(v) < EXACT * max(np.sqrt(spread), EXACT):
        return ""
    scale = np.sqrt(spread)
    share = n[np.abs(v - s / n) <= EXACT * scale].sum() / n.sum()
    if share >= 0.9:
        return "equals the mean label of its rows"
    if _is_smoothed(v, n, s, float(label.mean()), scale=scale):
        return "equals the smoothed mean label of its rows"
    return _beats_chance(v, n, s, codes=codes, label=label, shared=shared)


def _is_within(numbers: Floats, target: Floats) -> bool:
    """Tell whether values could be means of the label at all."""
    low, high = float(target.min()), float(target.max())
    margin = EXACT * (high - low)
    return bool(low - margin <= numbers.min() and numbers.max() <= high + margin)


def _is_smoothed(v: Floats, n: Floats, s: Floats, prior: float, *, scale: float) -> bool:
    """Ask whether (v n - s) / (prior - v) is the same weight for each value, or a multiple of it.

    Levels with the same rows and labels share a value, so that k of them show k times the weight.
    """
    is_far = np.abs(v - prior) > 1e-3 * scale
    if is_far.sum() < FEWEST_SMOOTHED:
        return False
    weights = (v * n - s)[is_far] / (prior - v)[is_far]
    rows = n[is_far]
    weight = float(np.median(weights[weights <= np.quantile(weights, 0.3)]))
    if not EXACT < weight < rows.sum():
        return False
    multiples = weights / weight
    fits = (np.abs(multiples - multiples.round()) < 1e-3) & (multiples < MOST_ALIKE)
    return bool(rows[fits].sum() >= 0.8 * rows.sum())


def _beats_chance(  # sums of one table
    v: Floats, n: Floats, s: Floats, *, codes: np.ndarray, label: Floats, shared: np.ndarray
) -> str:
    squares = np.bincount(codes, weights=label**2)[shared]
    within = squares / n - (s / n) ** 2
    usable = (within > 0) & (n >= 5)
    if usable.sum() < FEWEST_FOR_CHANCE:
        return ""
    # the spread inside a value, shrunk to the mean spread: pure values would make chance look small
    pooled = float((within * n).sum() / n.sum())
    chance = (within * n + pooled * 5) / (n + 5) / n
    ratio = float(np.average(((v - s / n) ** 2 / chance)[usable], weights=n[usable]))
    return "agrees with the mean label of its rows better than chance allows" if ratio < SURPRISING else ""
