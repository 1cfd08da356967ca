"""Decide about a rollout from evidence.

The evidence is event-side: of the bad events of both variants, how many fell on the candidate, given the
propensity with which each unit was assigned. That test is valid at every look, under ramps and with late
labels (notes/experiments.md §2). Too little evidence holds; it never advances and never promotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlwright.deployment.plan import GateName, Plan
from mlwright.statistics import Stratum, event_log_evidence

if TYPE_CHECKING:
    from mlwright.evaluation import Answer  # at run time it would load numpy into the control loop

Action: TypeAlias = Literal["hold", "advance", "promote", "roll-back"]

MOST_FAILED_STARTS = 3
DOUBT = math.log(5.0)  # evidence of harm that is too weak to roll back and too strong to go on


@dataclass(frozen=True)
class Evidence:
    """What was seen of a rollout so far; only units that the salt assigned count."""

    candidate_requests: int = 0
    champion_requests: int = 0
    candidate_requests_at_step: int = 0
    candidate_labels: int = 0
    champion_labels: int = 0
    bad_events: Mapping[GateName, tuple[Stratum, ...]] = field(default_factory=dict)
    failed_starts: int = 0


@dataclass(frozen=True)
class GateVerdict:
    """One gate's answer; it fails when `log_evidence` reaches `threshold`."""

    gate: GateName
    verdict: Answer
    log_evidence: float
    threshold: float
    candidate_events: int
    champion_events: int


@dataclass(frozen=True)
class Decision:
    """What to do with a rollout now, and why."""

    action: Action
    verdict: Answer
    reason: str
    gates: tuple[GateVerdict, ...]
    evidence: Evidence

    def to_json(self) -> dict[str, object]:
        """Give everything the decision stands on, as it is kept beside it."""
        evidence = self.evidence
        return {
            "verdict": self.verdict,
            "gates": [gate.__dict__ for gate in self.gates],
            "requests": {
                "candidate": evidence.candidate_requests,
                "champion": evidence.champion_requests,
                "candidate_at_step": evidence.candidate_requests_at_step,
            },
            "labels": {"candidate": evidence.candidate_labels, "champion": evidence.champion_labels},
            "strata": {
                gate: [[item.propensity, item.candidate, item.champion] for item in strata]
                for gate, strata in evidence.bad_events.items()
            },
            "failed_starts": evidence.failed_starts,
        }


def decide(plan: Plan, evidence: Evidence, now: datetime, *, step: int, since: datetime) -> Decision:
    """Decide what to do with a rollout that is at `step` since `since`."""
    gates = tuple(_judge(plan, name, evidence) for name in plan.gates)

    def say(action: Action, verdict: Answer, reason: str) -> Decision:
        return Decision(action, verdict, reason, gates, evidence)

    if evidence.failed_starts >= MOST_FAILED_STARTS:
        return say("roll-back", "fail", f"the server failed to start {evidence.failed_starts} times in a row")
    for gate in gates:
        if gate.verdict == "fail":
            return say("roll-back", "fail", _explain(gate))
    is_last = step >= len(plan.steps) - 1
    waits = _waits(plan, evidence, now - since, is_last=is_last)
    waits += [
        f"gate {gate.gate!r} to settle (ln E {gate.log_evidence:.1f} of {gate.threshold:.1f})"
        for gate in gates
        if gate.log_evidence >= DOUBT
    ]
    if waits:
        return say("hold", "inconclusive", "waiting for " + ", ".join(waits))
    if is_last:
        return say("promote", "pass", "every gate held through the last step")
    return say("advance", "pass", f"every gate held at {plan.steps[step]:.0%}")


def _judge(plan: Plan, name: GateName, evidence: Evidence) -> GateVerdict:
    strata = evidence.bad_events.get(name, ())
    threshold = math.log(len(plan.gates) / plan.false_rollback)
    found = event_log_evidence(strata, tolerated_ratio=plan.tolerate_ratio) if strata else 0.0
    is_short = {
        "labels": evidence.candidate_labels < plan.min_labels,
        "errors": evidence.candidate_requests_at_step < plan.min_requests,
    }[name]
    is_open = is_short or found >= DOUBT
    verdict: Answer = "fail" if found >= threshold else "inconclusive" if is_open else "pass"
    return GateVerdict(
        name,
        verdict,
        found,
        threshold,
        sum(item.candidate for item in strata),
        sum(item.champion for item in strata),
    )


def _waits(plan: Plan, evidence: Evidence, held: timedelta, *, is_last: bool) -> list[str]:
    waits = []
    if held < timedelta(minutes=plan.hold_minutes):
        waits.append(f"the hold time of {plan.hold_minutes:g} min")
    if evidence.candidate_requests_at_step < plan.min_requests:
        waits.append(f"requests ({evidence.candidate_requests_at_step} of {plan.min_requests})")
    if is_last and "labels" in plan.gates and evidence.candidate_labels < plan.min_labels:
        waits.append(f"labels ({evidence.candidate_labels} of {plan.min_labels})")
    return waits


def _explain(gate: GateVerdict) -> str:
    what = {"errors": "error events", "labels": "wrong predictions"}[gate.gate]
    return (
        f"gate {gate.gate!r}: {gate.candidate_events} {what} on the candidate beside"
        f" {gate.champion_events} on the champion (ln E {gate.log_evidence:.1f}, limit {gate.threshold:.1f})"
    )
