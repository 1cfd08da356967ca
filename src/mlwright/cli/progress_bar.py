"""A run's progress: a moving bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import time

from mlwright.cli.output import Output

WIDTH = 24
REDRAW_SECONDS = 0.1


class ProgressBar:
    """Draws the events of a run; implements `pipeline.Progress`."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._drawn_at = 0.0
        self._is_drawn = False
        self._label = ""

    def step_started(self, name: str, number: int, of: int) -> None:
        """Show which step is next."""
        self._label = f"[{number}/{of}] {name}"
        self._draw(f"{self._label} …", force=True)

    def step_moved(self, name: str, share: float, text: str) -> None:
        """Move the bar of the running step."""
        del name
        full = round(WIDTH * min(max(share, 0.0), 1.0))
        self._draw(f"{self._label} {'█' * full}{'░' * (WIDTH - full)} {share:4.0%} {text}", force=share >= 1)

    def step_finished(self, name: str, status: str, seconds: float, text: str) -> None:
        """Leave one line about the finished step."""
        self._clear()
        mark = self._out.style("✓", "green") if status == "done" else self._out.style("=", "dim")
        took = f"{seconds:.1f} s" if status == "done" else "cached"
        self._out.say(f"{mark} {name:<10} {took:>8}  {text}".rstrip())

    def _draw(self, line: str, *, force: bool) -> None:
        now = time.monotonic()
        if (
            not self._out.is_terminal
            or self._out.as_json
            or not (force or now - self._drawn_at > REDRAW_SECONDS)
        ):
            return
        self._drawn_at = now
        self._is_drawn = True
        self._out.stderr.write(f"\r\033[K{line[:118]}")
        self._out.stderr.flush()

    def _clear(self) -> None:
        if self._is_drawn:
            self._out.stderr.write("\r\033[K")
            self._is_drawn = False
