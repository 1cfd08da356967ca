"""The CPU seconds that a step may take, shared out among its parts; counted instead of read under trials."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SHARE = 0.05  # of the budget of a run
USUAL_SECONDS = 3.0  # of a run by trials, whose parts are planned by counts alone
MOST_SECONDS = 10.0


@dataclass
class Allowance:
    """Seconds for a step; a part that does not fit is skipped, and said to be.

    >>> allowance = Allowance(2.0, clock=lambda: 0.0)
    >>> allowance.part(0.5), allowance.left()
    (1.0, 2.0)
    """

    seconds: float
    clock: Callable[[], float]
    skipped: dict[str, str] = field(default_factory=dict)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @classmethod
    def of_budget(cls, budget_cpu_s: float | None) -> Allowance:
        """Give the share of a budget; without one no clock is read, so that equal inputs give equal parts."""
        if budget_cpu_s is None:
            return cls(USUAL_SECONDS, lambda: 0.0)
        return cls(share_of(budget_cpu_s), time.process_time)

    def used(self) -> float:
        """Give the seconds used so far."""
        return self.clock() - self._began

    def left(self) -> float:
        """Give the seconds left."""
        return self.seconds - self.used()

    def part(self, share: float) -> float:
        """Give the seconds for a part: its share of all, or what is left."""
        return max(min(share * self.seconds, self.left()), 0.0)

    def skip(self, part: str, why: str) -> None:
        """Remember what was left out, and why."""
        self.skipped[part] = why


def share_of(budget_cpu_s: float) -> float:
    """Give the CPU seconds of a budget that explaining may take.

    >>> share_of(60.0), share_of(600.0)
    (3.0, 10.0)
    """
    return min(SHARE * budget_cpu_s, MOST_SECONDS)
