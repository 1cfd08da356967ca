"""What a part of the benchmark hands back: repetitions of each target, and bars with their verdicts."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reporting.bar import Bar

NGINX = "nginx, constant"


@dataclass(frozen=True)
class Column:
    """A field of the repetitions and how a table shows it."""

    field: str
    heading: str
    digits: int = 1
    scale: float = 1.0
    total: bool = False


Repetitions = Mapping[str, Sequence[Mapping[str, float]]]


@dataclass(frozen=True)
class Section:
    """One question of the benchmark, answered."""

    name: str
    title: str
    how: str
    columns: tuple[Column, ...]
    repetitions: Repetitions
    bars: tuple[Bar, ...]
    notes: tuple[str, ...] = ()


CPU = Column("cpu_us_per_request", "server CPU µs per request")
LOAD_COLUMNS = (
    CPU,
    Column("requests_per_second", "requests/s", 0),
    Column("p99_us", "p99 ms", 2, scale=1e-3),
    Column("peak_mb", "peak MB"),
    Column("failed", "failed", 0, total=True),
)


def middle(repetitions: Repetitions, target: str, field: str) -> float | None:
    """Give the median of a field over a target's repetitions; none when the target took no part."""
    rows = repetitions.get(target)
    return statistics.median(float(row[field]) for row in rows) if rows else None


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide what was measured."""
    return None if above is None or not below else above / below


def paired(repetitions: Repetitions, above: str, below: str, field: str) -> float | None:
    """Give the median over rounds of a quotient of what was measured in the same round, seconds apart.

    A machine that slows down for minutes changes both by the same factor.
    """
    if above not in repetitions or below not in repetitions:
        return None
    rounds = zip(repetitions[above], repetitions[below], strict=True)
    return statistics.median(float(one[field]) / float(other[field]) for one, other in rounds)


def worst(values: Iterable[float | None], *, of: Callable[[Iterable[float]], float] = max) -> float | None:
    """Give the worst of what was measured."""
    known = [value for value in values if value is not None]
    return of(known) if known else None
