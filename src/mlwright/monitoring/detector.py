"""The port of everything that watches a deployed version."""

from __future__ import annotations

from typing import Protocol

from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.outcomes import Outcome


class Detector(Protocol):
    """Watches one version of one deployment.

    Obligations. A detector is used by one thread. `judge` changes nothing and may be asked at any time; with
    too little data it says `inconclusive`. Its verdict depends only on what it was shown, in that order, so
    that a restart which shows it the same log again reaches the same verdict. It says `fail` under no change
    no more often than the budget it states in its evidence.
    """

    def observe(self, outcome: Outcome) -> None:
        """Take a label or an event in order of its arrival; one that does not matter is passed over."""
        ...

    def judge(self) -> Judgement:
        """Answer now."""
        ...
