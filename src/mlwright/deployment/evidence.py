"""Count the evidence of one rollout from its prediction log.

Only rows that this rollout's salt assigned count. A unit's first bad event per gate counts, later ones of the
same unit do not: counting each would make one unlucky customer look like many (notes/experiments.md §1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mlwright.deployment.decision import Evidence
from mlwright.deployment.plan import GateName
from mlwright.deployment.rollout_history import Rollout
from mlwright.monitoring import Arrivals, Monitors, Outcome, OutcomeLog, VersionId
from mlwright.project import Project
from mlwright.registry import Registry
from mlwright.statistics import Stratum

CANDIDATE = "candidate"


@dataclass
class _BadEvents:
    """The bad events of one gate, first per unit, by the candidate's share when it was assigned."""

    first: dict[int, tuple[str, float, bool]] = field(default_factory=dict)

    def add(self, unit: int, row_id: str, share: float, *, on_candidate: bool) -> None:
        self.first.setdefault(unit, (row_id, share, on_candidate))

    def withdraw(self, unit: int, row_id: str) -> None:
        if unit in self.first and self.first[unit][0] == row_id:
            del self.first[unit]

    def strata(self) -> tuple[Stratum, ...]:
        counts: Counter[tuple[float, bool]] = Counter(
            (share, on_candidate) for _, share, on_candidate in self.first.values()
        )
        shares = sorted({share for share, _ in counts})
        return tuple(Stratum(share, counts[share, True], counts[share, False]) for share in shares)


class RolloutTally:
    """Adds up what arrives for one rollout; the same log gives the same counts in any process."""

    def __init__(self, rollout: Rollout, is_wrong: Callable[[Outcome], bool | None]) -> None:
        self.rollout = rollout
        self._is_wrong = is_wrong
        self._requests: Counter[tuple[bool, float]] = Counter()
        self._labelled: dict[str, bool] = {}
        self._bad: dict[GateName, _BadEvents] = {"errors": _BadEvents(), "labels": _BadEvents()}

    def observe(self, arrivals: Arrivals) -> None:
        """Show what came in; rows of other rollouts are passed over."""
        for stream, count in arrivals.served.items():
            if stream.rollout == self.rollout.id and stream.reason == "assigned":
                on_candidate = stream.variant == CANDIDATE
                self._requests[on_candidate, _share(stream.propensity, on_candidate=on_candidate)] += count
        for outcome in arrivals.outcomes:
            if outcome.stream.rollout == self.rollout.id and outcome.stream.reason == "assigned":
                self._count(outcome)

    def evidence(self, *, share: float, failed_starts: int = 0) -> Evidence:
        """Give the counts, with those of the step at `share` apart."""
        labelled = Counter(self._labelled.values())
        return Evidence(
            candidate_requests=sum(n for (on_candidate, _), n in self._requests.items() if on_candidate),
            champion_requests=sum(n for (on_candidate, _), n in self._requests.items() if not on_candidate),
            candidate_requests_at_step=self._requests[True, round(share, 9)],
            candidate_labels=labelled[True],
            champion_labels=labelled[False],
            bad_events={gate: self._bad[gate].strata() for gate in self.rollout.plan.gates},
            failed_starts=failed_starts,
        )

    def _count(self, outcome: Outcome) -> None:
        on_candidate = outcome.stream.variant == CANDIDATE
        share = _share(outcome.stream.propensity, on_candidate=on_candidate)
        if outcome.kind == "event":
            if outcome.value == "error":
                self._bad["errors"].add(outcome.unit, outcome.id, share, on_candidate=on_candidate)
            return
        wrong = self._is_wrong(outcome)
        if wrong is None:
            return
        self._labelled[outcome.id] = on_candidate
        if wrong:
            self._bad["labels"].add(outcome.unit, outcome.id, share, on_candidate=on_candidate)
        else:
            self._bad["labels"].withdraw(outcome.unit, outcome.id)


def judge_outcome(monitors: Monitors, rollout: Rollout) -> Callable[[Outcome], bool | None]:
    """Give the question "was this prediction wrong?"; errors of regression use the champion's bound."""

    def is_wrong(outcome: Outcome) -> bool | None:
        own = monitors.reference(outcome.stream.version)
        if own is None:
            return None
        if own.task == "regression":
            champion = monitors.reference(rollout.champion)
            return None if champion is None else champion.is_wrong(outcome.prediction, outcome.value)
        return own.is_wrong(outcome.prediction, outcome.value)

    return is_wrong


def collect_evidence(project: Project, rollout: Rollout) -> Evidence:
    """Read a rollout's evidence from the log, once."""
    since_us = int(datetime.fromisoformat(rollout.started_at).timestamp() * 1_000_000)
    monitors = Monitors(
        {}, packages=project.packages, log=project.log, deployment=rollout.deployment, since_us=since_us
    )
    for version in Registry(project.database).versions(rollout.model):
        monitors.know(VersionId(version.number, version.digest, version.compared_with))
    tally = RolloutTally(rollout, judge_outcome(monitors, rollout))
    tally.observe(OutcomeLog(project.log, rollout.deployment, since_us=since_us).advance())
    return tally.evidence(share=rollout.share)


def _share(propensity: float, *, on_candidate: bool) -> float:
    """Give the candidate's share from the logged chance of the variant that answered."""
    return round(propensity if on_candidate else 1.0 - propensity, 9)
