"""CPU seconds of a run: what is used, what is left, and when a fit has to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

TICK = 5  # rounds between two looks at the clock


@dataclass(frozen=True)
class Budget:
    """How much may be tried: CPU seconds, or a number of candidates, for which no clock is read."""

    seconds: float
    trials: int | None = None


class BudgetClock:
    """Counts CPU seconds since `began`; `reserve` is kept for what comes after training.

    >>> clock = BudgetClock(Budget(10.0), began=0.0, reserve=2.0, now=lambda: 3.0)
    >>> clock.left(), clock.affords(6.0), BudgetClock(Budget(10.0, trials=3)).left()
    (5.0, False, inf)
    """

    def __init__(
        self,
        budget: Budget,
        *,
        began: float | None = None,
        reserve: float = 0.0,
        now: Callable[[], float] = time.process_time,
    ) -> None:
        self.budget = budget
        self._now = now
        self._began = now() if began is None else began
        self._reserve = reserve
        self._earlier = 0.0

    def used(self) -> float:
        """Give the seconds used so far, those of a killed run included."""
        return self._earlier + self._now() - self._began

    def count_earlier(self, seconds: float) -> None:
        """Count what a run that was killed had used."""
        self._earlier += seconds

    def left(self) -> float:
        """Give the seconds left for training; any number when candidates are counted."""
        if self.budget.trials is not None:
            return math.inf
        return self.budget.seconds - self._reserve - self.used()

    def affords(self, seconds: float) -> bool:
        """Tell whether that many seconds are left."""
        return seconds <= self.left()

    def deadline(self, seconds: float) -> Callable[[int], bool]:
        """Give what tells a fit, asked at each round, that its seconds from now are over."""
        if self.budget.trials is not None or math.isinf(seconds):
            return lambda _: False
        end = self._now() + max(seconds, 0.0)
        return lambda number: number % TICK == 0 and self._now() > end

    def stopwatch(self) -> Callable[[], float]:
        """Give what tells the CPU seconds since now; 0 when no clock is to be read."""
        if self.budget.trials is not None:
            return lambda: 0.0
        began = self._now()
        return lambda: self._now() - began
