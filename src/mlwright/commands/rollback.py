"""Put the previous champion back, without one failed request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlwright.commands.server_settings import actor_name
from mlwright.deployment import (
    active_rollout,
    choose_deployment,
    collect_evidence,
    publish,
    roll_back,
    target_of,
)
from mlwright.project import find_project


@dataclass(frozen=True)
class RollbackRequest:
    """Which deployment to roll back, and why."""

    project: Path
    deployment: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class RollbackResult:
    """What was changed; `is_live` tells whether a running server answers by it already."""

    deployment: str
    from_version: str
    to_version: str
    ended_rollout: int | None
    epoch: int
    is_live: bool
    actor: str
    reason: str


def rollback(request: RollbackRequest) -> RollbackResult:
    """End the rollout under way, else move the champion back to the version before; ready when it returns.

    When no server runs, the next start uses it. Raises `NothingToRollBack`, `DeploymentUnknown`,
    `PackageCorrupt`, and `ServerRefused` when the running server could not follow.
    """
    project = find_project(request.project)
    deployment = choose_deployment(project, request.deployment)
    actor, reason = actor_name(), request.reason or "no reason given"
    rollout = active_rollout(project.database, deployment)
    evidence = None if rollout is None else collect_evidence(project, rollout)
    done = roll_back(project, deployment, actor=actor, reason=reason, evidence=evidence)
    published = publish(project, target_of(project), actor=actor, reason=f"rollback: {reason}")
    return RollbackResult(
        deployment=deployment,
        from_version=done.from_version,
        to_version=done.to_version,
        ended_rollout=done.ends_rollout,
        epoch=published.document.epoch,
        is_live=published.applied.is_running,
        actor=actor,
        reason=reason,
    )
