"""Notice that a bad-event rate left its tolerance, with a stated mean time between false alarms."""

from __future__ import annotations

from mlwright import native


class RateDetector:
    """An e-detector on a stream of good and bad outcomes (Shin, Ramdas, Rinaldo 2022).

    While the true rate stays at or below `reference_rate * tolerance`, the mean number of outcomes between
    two false alarms is at least `mean_between_false_alarms`.
    """

    def __init__(self, *, reference_rate: float, tolerance: float, mean_between_false_alarms: float) -> None:
        self._detector = native.RateDetector(reference_rate, tolerance, mean_between_false_alarms)

    def update(self, *, bad: int, good: int) -> float:
        """Add outcomes in order of arrival; give the log evidence now."""
        return self._detector.update(bad, good)

    @property
    def is_alarmed(self) -> bool:
        """Tell whether the evidence has crossed its bound."""
        return self._detector.alarmed
