"""What a run tells whoever watches it; the command line draws it, others count it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears events of a run in order, from one thread; must return at once and never raise."""

    def step_started(self, name: str, number: int, of: int) -> None:
        """A step begins to look for its result."""
        ...

    def step_moved(self, name: str, share: float, text: str) -> None:
        """A running step is `share` (0..1) through; `text` says what it found so far."""
        ...

    def step_finished(self, name: str, status: str, seconds: float, text: str) -> None:
        """A step ended as `done` or `cached`; `text` is its result in a few words."""
        ...


class Silent:
    """Hears and says nothing."""

    def step_started(self, name: str, number: int, of: int) -> None:
        """Ignore."""

    def step_moved(self, name: str, share: float, text: str) -> None:
        """Ignore."""

    def step_finished(self, name: str, status: str, seconds: float, text: str) -> None:
        """Ignore."""
