"""The clock of a fit: processor seconds of this process and of the children it has waited for."""

from __future__ import annotations

import resource
import time

WALL = time.time()


def cpu_seconds() -> float:
    """Give processor seconds since the process began, of all threads and ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def count_cpu_seconds() -> None:
    """Let `time.time` and `time.perf_counter` count processor seconds.

    AutoGluon and FLAML take their limits in seconds on the wall. On a shared machine those are fewer seconds
    of work than the others get; with this clock all have the same. Called before they are imported.
    """
    time.time = lambda: WALL + cpu_seconds()
    time.perf_counter = cpu_seconds
