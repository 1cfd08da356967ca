"""Thresholds for rows of float32 values, and thresholds of libraries that round their inputs to float32.

Rows that hold float32 values have no number between a threshold and the float32 below it: they may be
compared with that one.

Rows of any float64 are compared as the library would after rounding. Rounding is monotone, so the doubles `x`
with `float32(x) < t` (or `<= t`) are all those up to one double. With that double as threshold, `x <= bound`
decides as the library does, for every double. The doubles that round to a float32 reach to the middle between
it and the next one; the middle itself rounds to the one whose last bit is 0 (IEEE 754, ties to even). Beyond
the largest float32 the "next" is 2^128, and what rounds to it becomes infinite.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

BEYOND = 2.0**128


def float32_below(thresholds: npt.ArrayLike, *, is_strict: bool) -> Singles:
    """Give the largest float32 below the thresholds (strict), or at most there; NaN for NaN.

    For every float32 `x`, `x <= bound` says what `x < t` (strict) or `x <= t` says. Below -inf there is none:
    that stays -inf.

    >>> float32_below([0.1, 1e300], is_strict=False).tolist()
    [0.09999999403953552, 3.4028234663852886e+38]
    """
    limits = np.asarray(thresholds, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        nearest = limits.astype(np.float32)
        is_beyond = nearest >= limits if is_strict else nearest > limits
        return np.where(is_beyond, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def float32_bounds(thresholds: npt.ArrayLike, *, is_strict: bool) -> Floats:
    """Give the largest doubles whose float32 is below the thresholds (strict), or at most there.

    NaN where there is none: for a strict -inf and for NaN.

    >>> bound = float(float32_bounds([1.0], is_strict=True)[0])
    >>> bool(np.float32(bound) < 1), bool(np.float32(np.nextafter(bound, 2)) < 1)
    (True, False)
    """
    limits = np.asarray(thresholds, dtype=np.float64)
    last = float32_below(limits, is_strict=is_strict)
    with np.errstate(over="ignore", under="ignore"):
        following = np.nextafter(last, np.float32(np.inf))
    middle = (_finite(last) + _finite(following)) / 2
    rounds_down = (last.view(np.uint32) & 1) == 0
    bounds = np.where(rounds_down, middle, np.nextafter(middle, -np.inf))
    bounds[last == np.inf] = np.inf
    bounds[np.isnan(limits) | ((limits == -np.inf) & is_strict)] = np.nan
    return np.asarray(bounds, dtype=np.float64)


def _finite(values: Singles) -> Floats:
    return np.clip(values.astype(np.float64), -BEYOND, BEYOND)
