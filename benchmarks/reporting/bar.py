"""A number that was promised, and whether the measurement keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A number that was promised; `measured` is none when what it needs was not part of the run."""

    what: str
    limit: float
    measured: float | None
    at_least: bool = False
    digits: int = 2

    @property
    def holds(self) -> bool:
        """A bar that was not measured does not hold."""
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def bar_table(bars: Sequence[Bar]) -> list[str]:
    """Give bars as the lines of a table."""
    return ["| bar | limit | measured | holds |", "|---|---|---|---|", *(_row(bar) for bar in bars)]


def print_bars(bars: Sequence[Bar]) -> None:
    """Say on the screen which bars hold."""
    for bar in bars:
        measured = "not measured" if bar.measured is None else f"{bar.measured:.{bar.digits}f}"
        sign = "≥" if bar.at_least else "≤"
        print(f"{'holds ' if bar.holds else 'MISSED'} {bar.what}: {measured} ({sign} {bar.limit:.3g})")


def _row(bar: Bar) -> str:
    limit = f"{'≥' if bar.at_least else '≤'} {bar.limit:.3g}"
    if bar.measured is None:
        return f"| {bar.what} | {limit} | not measured | **no** |"
    return f"| {bar.what} | {limit} | {bar.measured:,.{bar.digits}f} | {'yes' if bar.holds else '**no**'} |"
