"""How often a machine takes a core away from a process that wants all of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

NOTICED_MS = 2.0


@dataclass(frozen=True)
class Pauses:
    """The pauses of more than two milliseconds in some seconds; nothing runs on the core meanwhile."""

    seconds: float
    count: int
    longest_ms: float
    share: float

    def __str__(self) -> str:
        return (
            f"A loop that wants all of the server's core lost it {self.count} times in {self.seconds:g} s"
            f" for more than {NOTICED_MS:g} ms, {self.longest_ms:.0f} ms at most, {self.share:.1%} of all"
        )


def measure_pauses(core: int, seconds: float) -> Pauses:
    """Read the clock on a core as often as it lets, and note where it stood still."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        gaps, last = [], time.perf_counter_ns()
        end = last + int(seconds * 1e9)
        while last < end:
            now = time.perf_counter_ns()
            if now - last > NOTICED_MS * 1e6:
                gaps.append((now - last) / 1e6)
            last = now
    finally:
        os.sched_setaffinity(0, allowed)
    return Pauses(seconds, len(gaps), max(gaps, default=0.0), sum(gaps) / 1e3 / seconds)
