"""Find the largest rate that a server holds: double until it fails, then halve the gap on a log scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlwright.serving.load import LoadStep

PRECISION = 1.05
HOPELESS = 0.95
LARGEST_RATE = 10_000_000.0
SMALLEST_RATE = 1.0
ACHIEVED = 0.99


@dataclass(frozen=True)
class Objective:
    """What a rate has to hold: p99 from the time requests are due, and the share that may go wrong."""

    p99_ms: float
    max_bad_share: float = 0.001

    def holds(self, step: LoadStep) -> bool:
        """Tell whether a measured rate holds it, and answers at least 99 % of what is offered."""
        return self.failure(step) is None

    def failure(self, step: LoadStep) -> str | None:
        """Say why a measured rate does not hold it, None when it does."""
        p99_us = step.latency.p99_us
        if step.counts.bad_share > self.max_bad_share:
            return f"{step.counts.bad_share:.2%} went wrong, {self.max_bad_share:.2%} may"
        if p99_us is None:
            return "nothing was answered"
        if p99_us > 1e3 * self.p99_ms:
            return f"p99 was {p99_us / 1e3:.3g} ms, {self.p99_ms:g} ms may be"
        if step.achieved_rate < ACHIEVED * step.offered_rate:
            return f"{step.achieved_rate:,.0f}/s were answered of {step.offered_rate:,.0f}/s"
        return None


@dataclass(frozen=True)
class Knee:
    """The largest rate that held the objective, None when none did.

    `first_failing` is the smallest rate above it that did not hold, with the reason; without one the search
    ended at the largest rate it tries. `is_lower_bound` says that the generator, not the server, gave out.
    """

    rate: float | None
    first_failing: float | None
    reason: str | None
    is_lower_bound: bool


def find_knee(
    measure: Callable[[float], LoadStep], objective: Objective, *, start: float
) -> tuple[Knee, tuple[LoadStep, ...]]:
    """Find the knee to 5 %, and give every step that was measured.

    A rate fails when it fails twice in a row, so that one hiccup does not end the search; a rate that answers
    less than 95 % of what is offered is not asked again.
    """
    steps: list[LoadStep] = []

    def holds(rate: float) -> bool:
        for _ in range(2):
            steps.append(measure(rate))
            if objective.holds(steps[-1]):
                return True
            if steps[-1].achieved_rate < HOPELESS * steps[-1].offered_rate:
                return False
        return False

    good, bad = _bracket(holds, start)
    while good is not None and bad is not None and bad / good > PRECISION:
        middle = float(f"{(good * bad) ** 0.5:.3g}")
        if not good < middle < bad:
            break
        if holds(middle):
            good = middle
        else:
            bad = middle
    return _knee(good, bad, steps, objective), tuple(steps)


def _bracket(holds: Callable[[float], bool], start: float) -> tuple[float | None, float | None]:
    """Double or halve from the start until one rate holds and the next does not."""
    rate = start
    if holds(rate):
        while rate < LARGEST_RATE:
            if not holds(2 * rate):
                return rate, 2 * rate
            rate *= 2
        return rate, None
    while rate > SMALLEST_RATE:
        if holds(rate / 2):
            return rate / 2, rate
        rate /= 2
    return None, rate


def _knee(good: float | None, bad: float | None, steps: list[LoadStep], objective: Objective) -> Knee:
    failing = [step for step in steps if step.rate == bad and not objective.holds(step)]
    return Knee(
        rate=good,
        first_failing=bad,
        reason=objective.failure(failing[-1]) if failing else None,
        is_lower_bound=any(step.generator_limit is not None for step in failing),
    )


def ramp(text: str) -> tuple[float, ...]:
    """Read `FROM:TO:STEPS` as rates with equal gaps. Raises `ValueError` when it says nothing of the kind.

    >>> ramp("1000:5000:3")
    (1000.0, 3000.0, 5000.0)
    """
    first, last, count = text.split(":")
    start, end, steps = float(first), float(last), int(count)
    if not (0 < start < end < LARGEST_RATE and 2 <= steps <= 1000):
        raise ValueError(text)
    return tuple(start + (end - start) * step / (steps - 1) for step in range(steps))
