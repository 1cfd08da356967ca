"""Change a rollout: start, advance, promote, roll back, each in one transaction with the new epoch."""

from __future__ import annotations

from mlwright.deployment.decision import Action, Decision
from mlwright.deployment.document import record_epoch_in
from mlwright.deployment.plan import Plan
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
from mlwright.store import Writer


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
