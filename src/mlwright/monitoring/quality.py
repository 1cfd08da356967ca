"""Label evidence: did the error rate leave what the evaluation promised?

Binary models are watched on two streams, missed positives among positive labels and false alarms among
negative ones, because labels of one kind may arrive earlier than those of the other. Each stream is an
e-detector whose null holds the reference rate, its sampling error and the tolerance. The budget of false
alarms is per label over all streams: each stream gets an equal part, in proportion to its share of labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.outcomes import Outcome
from mlwright.monitoring.reference import Reference
from mlwright.project import MonitorConfig
from mlwright.statistics import RateDetector

if TYPE_CHECKING:
    from mlwright.evaluation import Answer

REFERENCE_ERRORS = (
    2.5  # standard errors of the reference rate that belong to the null (notes/monitoring.md §4B)
)
FEWEST_LABELS = 30
FEWEST_BETWEEN_ALARMS = 100.0
HIGHEST_RATE = 0.98


@dataclass
class _Watch:
    """One stream of outcomes against its reference rate."""

    name: str
    reference_rate: float
    detector: RateDetector
    bad: int = 0
    good: int = 0
    log_evidence: float = 0.0
    alarmed_at: int | None = None

    def show(self, *, is_bad: bool) -> None:
        self.bad += is_bad
        self.good += not is_bad
        if self.alarmed_at is None:
            self.log_evidence = self.detector.update(bad=int(is_bad), good=int(not is_bad))
            if self.detector.is_alarmed:
                self.alarmed_at = self.bad + self.good

    def facts(self) -> dict[str, object]:
        count = self.bad + self.good
        return {
            "labels": count,
            "bad": self.bad,
            "rate": self.bad / count if count else None,
            "reference_rate": self.reference_rate,
            "log_evidence": self.log_evidence if math.isfinite(self.log_evidence) else None,
            "alarmed_at": self.alarmed_at,
        }


class QualityDetector:
    """Watches the labelled predictions of one version."""

    def __init__(self, name: str, config: MonitorConfig, reference: Reference) -> None:
        self.name = name
        self._reference = reference
        self._budget = config.false_alarms_per
        self._watches = _watches(config, reference)
        self._labels = 0
        self._unusable = 0

    def observe(self, outcome: Outcome) -> None:
        """Show a label; only the first label of a prediction counts, corrections would count it twice."""
        if outcome.kind != "label" or not outcome.is_first:
            return
        self._labels += 1
        wrong = self._reference.is_wrong(outcome.prediction, outcome.value)
        if wrong is None:
            self._unusable += 1
            return
        watch = self._watches.get(self._stream_of(outcome))
        if watch is not None:
            watch.show(is_bad=wrong)

    def judge(self) -> Judgement:
        """Answer now; `fail` stays until another version is live."""
        alarmed = [watch for watch in self._watches.values() if watch.alarmed_at is not None]
        usable = sum(watch.bad + watch.good for watch in self._watches.values())
        verdict: Answer
        if alarmed:
            verdict = "fail"
            summary = "; ".join(_describe(watch) for watch in alarmed)
        elif not self._watches:
            verdict, summary = "inconclusive", "the package has no error rate of an evaluation"
        elif usable < FEWEST_LABELS:
            verdict, summary = "inconclusive", f"{usable} labels so far, at least {FEWEST_LABELS} are needed"
        else:
            verdict = "pass"
            summary = "; ".join(_describe(watch) for watch in self._watches.values())
        evidence: dict[str, object] = {
            "labels": self._labels,
            "unusable_labels": self._unusable,
            "labels_between_false_alarms": self._budget,
            "streams": {name: watch.facts() for name, watch in self._watches.items()},
        }
        return Judgement(self.name, verdict, "page", summary, evidence)

    def _stream_of(self, outcome: Outcome) -> str:
        if self._reference.task != "binary":
            return "errors"
        is_positive = self._reference.class_of(outcome.value) == self._reference.positive_index
        return "missed positives" if is_positive else "false alarms"


def _watches(config: MonitorConfig, reference: Reference) -> dict[str, _Watch]:
    quality = reference.quality
    pairs = (
        {
            "missed positives": (quality.get("missed"), quality.get("positives")),
            "false alarms": (quality.get("false_alarms"), quality.get("negatives")),
        }
        if reference.task == "binary"
        else {"errors": (quality.get("errors"), quality.get("rows"))}
    )
    counted = {name: (bad, rows) for name, (bad, rows) in pairs.items() if bad is not None and rows}
    total = sum(rows for _, rows in counted.values())
    return {
        name: _watch(name, (bad, rows), config, between=config.false_alarms_per * len(counted) * rows / total)
        for name, (bad, rows) in counted.items()
    }


def _watch(name: str, counted: tuple[float, float], config: MonitorConfig, *, between: float) -> _Watch:
    bad, rows = counted
    rate = (bad + 0.5) / (rows + 1)
    upper = min(rate + REFERENCE_ERRORS * math.sqrt(rate * (1 - rate) / rows), HIGHEST_RATE)
    tolerance = min(config.tolerance, HIGHEST_RATE / upper)
    detector = RateDetector(
        reference_rate=upper,
        tolerance=max(tolerance, 1.0),
        mean_between_false_alarms=max(between, FEWEST_BETWEEN_ALARMS),
    )
    return _Watch(name, bad / rows, detector)


def _describe(watch: _Watch) -> str:
    count = watch.bad + watch.good
    if not count:
        return f"{watch.name}: no labels yet"
    return f"{watch.name} {watch.bad / count:.1%} of {count}, was {watch.reference_rate:.1%} at evaluation"
