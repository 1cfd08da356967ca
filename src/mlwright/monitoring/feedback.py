"""Write labels that come from files into the same feedback log that the server writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlwright import native
from mlwright.monitoring.outcomes import FEEDBACK


def add_labels(log: Path, ids: Sequence[str], values: Sequence[str], times_us: Sequence[int]) -> int:
    """Append labels, as JSON texts, with their times of arrival; give how many were written."""
    folder = log / FEEDBACK
    folder.mkdir(parents=True, exist_ok=True)
    return native.append_feedback(str(folder), list(ids), list(values), ["label"] * len(ids), list(times_us))
