"""Drive a rollout by hand: start, promote, abort, list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlwright.commands.server_settings import actor_name
from mlwright.deployment import (
    Decision,
    Rollout,
    RolloutEvent,
    carry_out,
    choose_deployment,
    collect_evidence,
    deployment_settings,
    publish,
    required_rollout,
    rollout_events,
    rollouts,
    start_rollout,
    target_of,
)
from mlwright.deployment import decide as decide_rollout
from mlwright.lifecycle.blocking import refuse_blocked
from mlwright.project import Project, find_project
from mlwright.registry import Registry, parse_reference
from mlwright.serving import check_package
from mlwright.store import now_text


@dataclass(frozen=True)
class RolloutRequest:
    """Which deployment, why, and for a start which version (default: the candidate)."""

    project: Path
    deployment: str | None = None
    model: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class RolloutChange:
    """A rollout after a change; `is_live` tells whether a running server answers by it already."""

    rollout: Rollout
    epoch: int
    is_live: bool


@dataclass(frozen=True)
class RolloutRecord:
    """A rollout and every decision about it."""

    rollout: Rollout
    events: tuple[RolloutEvent, ...]


def start(request: RolloutRequest) -> RolloutChange:
    """Give a version its first share of traffic.

    Raises `RolloutUnderWay`, `ModelUnknown`, `DeploymentUnknown`, `PackageCorrupt`, `ServerRefused`, and
    `VersionBlocked` for a version with blocking findings when no reason is given.
    """
    project = find_project(request.project)
    deployment = choose_deployment(project, request.deployment)
    wanted = Registry(project.database).resolve(request.model or _candidate_of(project, deployment))
    check_package(project.packages, wanted.digest)
    refuse_blocked(project, wanted, reason=request.reason)
    rollout = start_rollout(
        project, deployment, wanted.reference, actor=actor_name(), reason=request.reason or "by hand"
    )
    return _publish(project, rollout, "started by hand")


def promote(request: RolloutRequest) -> RolloutChange:
    """End the rollout under way: its candidate becomes champion.

    Raises `RolloutUnknown`, `DeploymentUnknown`, `ServerRefused`, and `VersionBlocked` for a version with
    blocking findings when no reason is given.
    """
    return _end(request, "promote")


def abort(request: RolloutRequest) -> RolloutChange:
    """End the rollout under way: its candidate gets no traffic.

    Raises `RolloutUnknown`, `DeploymentUnknown`, `ServerRefused`.
    """
    return _end(request, "roll-back")


def list_rollouts(request: RolloutRequest) -> tuple[RolloutRecord, ...]:
    """List rollouts, oldest first, with every decision.

    Raises `DeploymentUnknown`.
    """
    project = find_project(request.project)
    if request.deployment is not None:
        deployment_settings(project, request.deployment)
    return tuple(
        RolloutRecord(rollout, tuple(rollout_events(project.database, rollout.id)))
        for rollout in rollouts(project.database, request.deployment)
    )


def _candidate_of(project: Project, deployment: str) -> str:
    return f"{parse_reference(deployment_settings(project, deployment).model).name}@candidate"


def _end(request: RolloutRequest, action: str) -> RolloutChange:
    project = find_project(request.project)
    rollout = required_rollout(project, choose_deployment(project, request.deployment))
    if action == "promote":
        candidate = Registry(project.database).resolve(f"{rollout.model}@{rollout.candidate}")
        refuse_blocked(project, candidate, reason=request.reason)
    evidence = collect_evidence(project, rollout)
    now = datetime.fromisoformat(now_text())
    judged = decide_rollout(rollout.plan, evidence, now, step=rollout.step, since=rollout.since)
    decision = Decision(
        "promote" if action == "promote" else "roll-back",
        judged.verdict,
        request.reason or "by hand",
        judged.gates,
        evidence,
    )
    after = carry_out(project, rollout, decision, actor=actor_name())
    return _publish(project, after, f"{action} by hand")


def _publish(project: Project, rollout: Rollout, reason: str) -> RolloutChange:
    published = publish(project, target_of(project), actor=actor_name(), reason=reason)
    return RolloutChange(rollout, published.document.epoch, published.applied.is_running)
