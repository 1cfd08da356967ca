"""Decide about a rollout from evidence, and change it in one transaction per decision.

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

from mlwright.deployment.document import record_epoch_in
from mlwright.deployment.plan import GateName, Plan
from mlwright.deployment.rollout_history import (
    EventKind,
    Rollout,
    RolloutEvent,
    active_rollout_in,
    add_event_in,
    add_rollout_in,
    find_rollout_in,
)
from mlwright.errors import DeploymentUnknown, RolloutUnderWay, RolloutUnknown, UsageError
from mlwright.project import DeploymentConfig, Project
from mlwright.registry import AliasMove, parse_reference
from mlwright.registry.registry import alias_number, move_alias_in, resolve_in
from mlwright.statistics import Stratum, event_log_evidence
from mlwright.store import Writer

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


def start_rollout(
    project: Project, deployment: str, reference: str | None, *, actor: str, reason: str
) -> Rollout:
    """Give a candidate its first share of traffic, in one transaction with the new epoch.

    Raises `RolloutUnderWay`, `ModelUnknown`, or `UsageError` when there is nothing to compare.
    """
    settings = deployment_settings(project, deployment)
    served = parse_reference(settings.model)
    plan = Plan.from_config(settings.rollout)
    if served.at != "champion":
        raise UsageError(
            f"deployment {deployment!r} serves {settings.model!r}, which does not follow a champion",
            hint=f'write model = "{served.name}@champion" in [deployment.{deployment}]',
        )
    with project.database.write() as tx:
        if (active := active_rollout_in(tx, deployment)) is not None:
            raise RolloutUnderWay(
                f"{active.candidate_reference} is on trial in {deployment!r} already",
                hint="`mlwright rollout abort` ends it, `mlwright status` shows it",
                rollout=active.id,
            )
        champion = resolve_in(tx, served)
        candidate = resolve_in(tx, parse_reference(reference or f"{served.name}@candidate"))
        if candidate.name != champion.name or candidate.number == champion.number:
            raise UsageError(
                f"{candidate.reference} cannot be compared with the champion {champion.reference}",
                hint="choose another version of the same model with --model",
            )
        rollout_id = add_rollout_in(
            tx,
            deployment=deployment,
            model=champion.name,
            versions=(candidate.number, champion.number),
            plan=plan,
        )
        event = RolloutEvent("started", 0, plan.steps[0], "", actor, reason, {})
        add_event_in(tx, rollout_id, event)
        record_epoch_in(tx, project, actor=actor, reason=f"rollout {rollout_id} started: {reason}")
        return find_rollout_in(tx, rollout_id)


def carry_out(project: Project, rollout: Rollout, decision: Decision, *, actor: str) -> Rollout:
    """Do what was decided: event, audit, alias and new epoch in one transaction.

    A rollout that ended or moved meanwhile is left as it is, so doing it twice is harmless.
    """
    with project.database.write() as tx:
        current = active_rollout_in(tx, rollout.deployment)
        if current is None or current.id != rollout.id or current.step != rollout.step:
            return find_rollout_in(tx, rollout.id)
        if decision.action == "hold":
            _hold(tx, current, decision, actor)
            return current
        kind, step, share = _outcome(current, decision.action)
        event = RolloutEvent(kind, step, share, "", actor, decision.reason, decision.to_json())
        add_event_in(tx, current.id, event)
        if decision.action == "promote":
            _promote(tx, current, decision, actor)
        record_epoch_in(tx, project, actor=actor, reason=f"rollout {current.id} {kind}: {decision.reason}")
        return find_rollout_in(tx, current.id)


def required_rollout(project: Project, deployment: str) -> Rollout:
    """Give the rollout under way.

    Raises `RolloutUnknown`.
    """
    with project.database.read() as tx:
        rollout = active_rollout_in(tx, deployment)
    if rollout is None:
        raise RolloutUnknown(
            f"no rollout is under way in {deployment!r}",
            hint="`mlwright rollout start` begins one, `mlwright rollout list` shows past ones",
        )
    return rollout


def has_champion_changed(project: Project, rollout: Rollout) -> bool:
    """Tell whether the version that a candidate is compared with is no longer champion."""
    with project.database.read() as tx:
        return alias_number(tx, rollout.model, "champion") != rollout.champion


def deployment_settings(project: Project, name: str) -> DeploymentConfig:
    """Give the settings of a deployment.

    Raises `DeploymentUnknown`.
    """
    if name not in project.config.deployment:
        known = ", ".join(project.config.deployment) or "none"
        raise DeploymentUnknown(
            f"there is no deployment {name!r}", hint=f"mlwright.toml has: {known}", deployment=name
        )
    return project.config.deployment[name]


def choose_deployment(project: Project, name: str | None) -> str:
    """Give the deployment that is meant: the named one, or the only one.

    Raises `DeploymentUnknown`.
    """
    if name is not None:
        deployment_settings(project, name)
        return name
    names = list(project.config.deployment)
    if len(names) != 1:
        raise DeploymentUnknown(
            "the project has several deployments" if names else "the project has no deployment",
            hint=f"name one of: {', '.join(names)}" if names else "add [deployment.production]",
        )
    return names[0]


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


def _outcome(rollout: Rollout, action: Action) -> tuple[EventKind, int, float]:
    if action == "advance":
        return "advanced", rollout.step + 1, rollout.plan.steps[rollout.step + 1]
    if action == "promote":
        return "promoted", rollout.step, 1.0
    return "rolled-back", rollout.step, 0.0


def _hold(tx: Writer, rollout: Rollout, decision: Decision, actor: str) -> None:
    """Write down why a rollout waits, once per kind of reason and step."""
    last = tx.fetch_one(
        "SELECT kind, step, reason FROM rollout_events WHERE rollout_id = ? ORDER BY id DESC LIMIT 1",
        (rollout.id,),
    )
    subject = _subject(decision.reason)
    if last is not None and last["kind"] == "held" and _subject(last["reason"]) == subject:
        return
    event = RolloutEvent("held", rollout.step, rollout.share, "", actor, decision.reason, decision.to_json())
    add_event_in(tx, rollout.id, event)


def _subject(reason: str) -> str:
    return "".join(part.split("(")[0] for part in reason.split(")"))


def _promote(tx: Writer, rollout: Rollout, decision: Decision, actor: str) -> None:
    evidence: dict[str, object] = {"rollout": rollout.id, **decision.to_json()}
    move_alias_in(
        tx,
        AliasMove(rollout.model, "champion", None, rollout.candidate, "", actor, decision.reason, evidence),
    )
    if alias_number(tx, rollout.model, "candidate") == rollout.candidate:
        moved = AliasMove(rollout.model, "candidate", None, None, "", actor, "became champion", {})
        move_alias_in(tx, moved)
