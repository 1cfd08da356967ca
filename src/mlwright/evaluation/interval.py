"""A value with the range it could as well have been."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value and the bounds of its 95 % interval; all NaN when the rows do not determine it."""

    value: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Tell whether the rows determine it."""
        return all(math.isfinite(number) for number in (self.value, self.low, self.high))

    def to_json(self) -> dict[str, float | None]:
        """Give the JSON object, null for what is not known."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {name: number if math.isfinite(number) else None for name, number in numbers.items()}
