"""Numbers as float32 values, and how to keep apart those that rounding would make equal.

float32 has 24 bits: of whole numbers from 2^24 on neighbours become equal, of seconds since 1970 all within
two minutes. With a number from their midst taken off they stay apart. That one is one of them, and the scale
is a power of two: whole numbers stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.target_statistic import Floats

MOST_SEEN = 20_000  # numbers that tell; a tree asks for fewer places than that
LARGEST = float(np.finfo(np.float32).max)
MOST_MIXED = 0.01  # share of the numbers that may become equal to a different one


@dataclass(frozen=True)
class Shift:
    """What keeps numbers apart: `(number - middle) / scale`."""

    middle: float
    scale: float

    def apply(self, values: Floats) -> Floats:
        """Give the shifted numbers."""
        with np.errstate(over="ignore"):
            return np.asarray((values - self.middle) / self.scale, dtype=np.float64)


def to_float32(values: Floats) -> Floats:
    """Round to float32 as the compiled core does; numbers beyond its range become its largest.

    >>> to_float32(np.array([0.1, 1e300])).tolist()
    [0.10000000149011612, 3.4028234663852886e+38]
    """
    with np.errstate(under="ignore"):
        return values.clip(-LARGEST, LARGEST).astype(np.float32).astype(np.float64)


def find_shift(values: Floats) -> Shift | None:
    """Find a shift for numbers of which rounding makes too many equal; None where it does not, or none helps.

    >>> find_shift(np.array([0.1, 0.2, 1e6])) is None
    True
    >>> find_shift(np.array([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3]))
    Shift(middle=1000000002.0, scale=0.5)
    """
    some = values[:: max(-(-len(values) // MOST_SEEN), 1)]
    seen = np.sort(some[np.isfinite(some)])
    is_mixed = _mixed(seen)
    if not len(seen) or is_mixed.mean() <= MOST_MIXED:
        return None
    mixed = seen[is_mixed]
    middle = float(mixed[len(mixed) // 2])
    distance = float(np.median(np.abs(mixed[mixed != middle] / 2 - middle / 2)))  # halves: none is infinite
    if not distance:  # float64 itself ends here
        return None
    found = Shift(middle, float(2.0 ** np.floor(np.log2(distance))))
    return found if _mixed(found.apply(seen)).mean() < is_mixed.mean() else None


def _mixed(values: Floats) -> npt.NDArray[np.bool_]:
    """Tell which of sorted numbers become equal to a different one when they are rounded."""
    rounded = to_float32(values)
    group = np.cumsum(np.r_[False, rounded[1:] != rounded[:-1]][: len(values)])
    differs = (values[1:] != values[:-1]) & (rounded[1:] == rounded[:-1])
    return np.asarray(np.bincount(group[1:], weights=differs, minlength=len(values))[group] > 0)
