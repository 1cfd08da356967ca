"""What came of the story, in words and as report.json."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from performance import Period
from terminal import sparkline


@dataclass(frozen=True)
class Moment:
    """Something that happened on a simulated day."""

    day: float
    kind: str
    text: str


@dataclass(frozen=True)
class Report:
    """What came of the story."""

    seed: int
    rows: int
    before: Period
    worst: Period
    after: Period
    requests: int
    refused_by_contract: int
    labels_sent: int
    failures: int
    requests_during_rollback: int
    failures_during_rollback: int
    quarantined: str
    seconds: float
    steps_seconds: dict[str, float]
    moments: list[Moment] = field(default_factory=list)
    daily: list[Period] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Tell whether the story went as it should."""
        return self.failures == 0 and not self.problems


def write_json(path: Path, report: Report) -> None:
    """Write everything."""
    facts = {**asdict(report), "succeeded": report.succeeded}
    text = json.dumps(_without_nan(facts), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def describe(report: Report) -> list[str]:
    """Give the report as lines for a terminal."""
    bars = sparkline([period.average_precision for period in report.daily])
    lines = [f"average precision by day   {bars}"]
    periods = (("before", report.before), ("at the worst", report.worst), ("after", report.after))
    lines += [
        f"{name:<13} AP {period.average_precision:.2f}, recall {period.recall:.2f}"
        f"   (days {period.begin:.0f} to {period.end:.0f}, {period.frauds} frauds)"
        for name, period in periods
    ]
    exercise = f"{report.requests_during_rollback:,} requests, {report.failures_during_rollback} failed"
    return [
        *lines,
        f"requests      {report.requests:,} predictions, {report.labels_sent:,} labels",
        f"failures      {report.failures}",
        f"refused       {report.refused_by_contract:,} by the data contract{_most_refused(report)}",
        f"kept out      {report.quarantined or '-'}",
        f"rollback      {exercise}",
        f"time          {report.seconds:.0f} s",
        *(f"PROBLEM       {problem}" for problem in report.problems),
    ]


def _most_refused(report: Report) -> str:
    most = sorted(report.refusals.items(), key=lambda item: -item[1])[:3]
    return ": " + ", ".join(f"{count} {what}" for what, count in most) if most else ""


def _without_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
