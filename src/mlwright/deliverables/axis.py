"""From values to places on a chart, and the ticks between, in units that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_TICKS = 4
FEW_TICKS = 10


@dataclass(frozen=True)
class Axis:
    """Values from `lowest` to `highest` between two pixels, evenly or by their logarithm."""

    lowest: float
    highest: float
    first_pixel: float
    last_pixel: float
    is_log: bool

    def place(self, value: float) -> float:
        """Give the pixel of a value; beyond the ends it stays at the end."""
        inside = min(max(value, self.lowest), self.highest)
        if self.is_log:
            share = math.log(inside / self.lowest) / math.log(self.highest / self.lowest)
        else:
            share = (inside - self.lowest) / (self.highest - self.lowest)
        return self.first_pixel + share * (self.last_pixel - self.first_pixel)

    def ticks(self) -> list[float]:
        """Give round values, few enough to be told apart."""
        return log_ticks(self.lowest, self.highest) if self.is_log else even_ticks(self.lowest, self.highest)


def log_axis(values: Sequence[float], first_pixel: float, last_pixel: float) -> Axis:
    """Make a logarithmic axis that ends on 1, 2 or 5 times a power of ten on both sides of all values."""
    lowest = _round(min(values), down=True)
    highest = _round(max(values), down=False)
    if highest <= lowest:
        highest = _round(lowest * 2, down=False)
    return Axis(lowest, highest, first_pixel, last_pixel, is_log=True)


def even_axis(values: Sequence[float], first_pixel: float, last_pixel: float) -> Axis:
    """Make an axis from zero to a round value at or above all values."""
    ticks = even_ticks(0, max(values))
    highest = ticks[-1] if ticks[-1] >= max(values) else ticks[-1] + ticks[1]
    return Axis(0, highest, first_pixel, last_pixel, is_log=False)


def span_axis(values: Sequence[float], first_pixel: float, last_pixel: float) -> Axis:
    """Make an even axis from a round value at or below all values to one at or above them."""
    lowest, highest = min(values), max(values)
    if not highest > lowest:
        pad = abs(lowest) * 0.05 or 1.0
        lowest, highest = lowest - pad, highest + pad
    ticks = even_ticks(lowest, highest)
    step = ticks[1] - ticks[0]
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    return Axis(first * step, last * step, first_pixel, last_pixel, is_log=False)


def log_ticks(lowest: float, highest: float) -> list[float]:
    """Give powers of ten, with 2 and 5 times them when that leaves few."""
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    tens = [10.0**power for power in range(first, last + 1)]
    all_ticks = [mark * ten for ten in tens for mark in (1, 2, 5)]
    near = [tick for tick in all_ticks if lowest * 0.999 <= tick <= highest * 1.001]
    return near if len(near) <= FEW_TICKS else [tick for tick in near if _is_power(tick)]


def even_ticks(lowest: float, highest: float) -> list[float]:
    """Give four to eight multiples of 1, 2 or 5 times a power of ten."""
    raw = (highest - lowest) / LEAST_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = max(mark * power for mark in (1, 2, 5) if mark * power <= raw * 1.0001)
    first = math.ceil(lowest / step - 1e-9)
    last = math.floor(highest / step + 1e-9)
    return [step * number for number in range(first, last + 1)]


def duration_text(microseconds: float) -> str:
    """Write a duration with the unit that keeps it short."""
    for size, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= size * 0.9995:
            return f"{microseconds / size:.3g} {unit}"
    return f"{microseconds:.3g} µs"


def rate_text(rate: float) -> str:
    """Write a rate with thin groups of thousands, without decimals that say nothing."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _is_power(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9


def _round(value: float, *, down: bool) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    marks = [mark * power for mark in (1, 2, 5, 10)]
    if down:
        return max(mark for mark in marks if mark <= value * 1.0001)
    return min(mark for mark in marks if mark >= value * 0.9999)
