"""CPU seconds of a run: what is used, what is left, and when a fit has to stop."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OVERRUN = 1.1  # times a budget that a run may take
TICK = 5  # rounds between two looks at the clock
LEAST_ROUNDS = 50  # of any fit: fewer are no model
PROBE_ROWS = 100_000
PROBES = 4  # the quickest counts: others were disturbed
PROBE_SECONDS = 0.012  # of sorting them on the machine on which costs were measured


def cpu_seconds() -> float:
    """Give the CPU seconds of this process and of the children that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure_slowness(now: Callable[[], float] = cpu_seconds) -> float:
    """Give how many times as long as usual this machine takes at present, by sorting some numbers."""
    numbers = np.random.default_rng(1).random(PROBE_ROWS)
    took = []
    for _ in range(PROBES):
        began = now()
        np.cumsum(numbers[np.argsort(numbers, kind="stable")])
        took.append(now() - began)
    return float(np.clip(min(took) / PROBE_SECONDS, 0.3, 3.0))


@dataclass(frozen=True)
class Budget:
    """How much may be tried: CPU seconds, or a number of candidates, for which no clock is read."""

    seconds: float
    trials: int | None = None


@dataclass(frozen=True)
class After:
    """What comes after training: seconds whatever the model is, and rows that the model will be asked."""

    seconds: float = 0.0
    rows: int = 0


class Tick:
    """Asks what tells a fit that its time is over, and remembers the answer.

    >>> tick = Tick(lambda number: number == 2)
    >>> [tick(1), tick(2), tick(3), tick.is_over]
    [False, True, True, True]
    """

    def __init__(self, ask: Callable[[int], bool]) -> None:
        self._ask = ask
        self.is_over = False

    def __call__(self, number: int) -> bool:
        """Ask, unless it was over before."""
        self.is_over = self.is_over or self._ask(number)
        return self.is_over


class BudgetClock:
    """Counts CPU seconds since `began`; what comes `after` training is kept for it.

    `before` is what was used when it was made; `slowness` is how slow the machine is at present.

    >>> clock = BudgetClock(Budget(10.0), began=0.0, after=After(2.0), now=lambda: 3.0)
    >>> clock.left(), clock.affords(6.0), BudgetClock(Budget(10.0, trials=3)).left()
    (5.0, False, inf)
    """

    def __init__(
        self,
        budget: Budget,
        *,
        began: float | None = None,
        after: After = After(),
        slowness: float = 1.0,
        now: Callable[[], float] = cpu_seconds,
    ) -> None:
        self.budget = budget
        self.after = after
        self.slowness = slowness
        self._now = now
        self._began = (0.0 if budget.trials is not None else now()) if began is None else began
        self._earlier = 0.0
        self.before = 0.0 if self.is_counting else self.used()

    @property
    def is_counting(self) -> bool:
        """Tell whether candidates are counted instead of seconds."""
        return self.budget.trials is not None

    def used(self) -> float:
        """Give the seconds used so far, those of a killed run included."""
        return self._earlier + self._now() - self._began

    def count_earlier(self, seconds: float) -> None:
        """Count what a run that was killed had used."""
        self._earlier += seconds

    def left(self) -> float:
        """Give the seconds left for training; any number when candidates are counted."""
        if self.is_counting:
            return math.inf
        return self.budget.seconds - self.after.seconds - self.used()

    def affords(self, seconds: float) -> bool:
        """Tell whether that many seconds are left."""
        return seconds <= self.left()

    def deadline(self, seconds: float) -> Callable[[int], bool]:
        """Give what tells a fit, asked at each round, that its seconds from now are over."""
        if self.is_counting or math.isinf(seconds):
            return lambda _: False
        end = self._now() + max(seconds, 0.0)
        return lambda number: number >= LEAST_ROUNDS and number % TICK == 0 and self._now() > end

    def stopwatch(self) -> Callable[[], float]:
        """Give what tells the CPU seconds since now; 0 when no clock is to be read."""
        if self.is_counting:
            return lambda: 0.0
        began = self._now()
        return lambda: self._now() - began
