"""What a person sees: numbered steps, commands with their output, one line per event, a sparkline."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Terminal:
    """Prints the story; meaning never depends on colour."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._step = 0
        self._has_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    @property
    def seconds(self) -> float:
        """Give the time since the beginning."""
        return time.monotonic() - self._started

    def step(self, title: str) -> None:
        """Begin a new step of the story."""
        self._step += 1
        when = self._styled(f"[{self.seconds:.0f} s]", "dim")
        self._print(f"\n{self._styled(f'{self._step}. {title}', 'bold')}  {when}")

    def command(self, text: str) -> None:
        """Show a command as typed."""
        self._print(f"   {self._styled('$', 'cyan')} {text}")

    def output(self, line: str) -> None:
        """Show a line that a command printed."""
        self._print(f"     {line}")

    def say(self, line: str) -> None:
        """Say something of our own."""
        self._print(f"   {line}")

    def event(self, day: float, text: str, *, style: str = "yellow") -> None:
        """Show something that happened on a simulated day."""
        self._print(f"   day {day:5.1f}  {self._styled('▸', style)} {text}")

    def _styled(self, text: str, style: str) -> str:
        return f"\033[{STYLES[style]}m{text}\033[0m" if self._has_colour else text

    def _print(self, text: str) -> None:
        print(text, flush=True)


def sparkline(values: Sequence[float]) -> str:
    """Draw values between 0 and 1 as bars; unknown ones are blanks."""
    return "".join(
        " " if math.isnan(value) else BARS[min(int(value * len(BARS)), len(BARS) - 1)] for value in values
    )
