"""What is live, since when, by whose decision, at which share, how it is, and what a rollback would do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlwright.deployment import (
    Decision,
    Deployment,
    Evidence,
    LocalTarget,
    Rollout,
    WayBack,
    active_rollout,
    decide,
    live_deployment,
    newest_document,
    rollout_events,
    way_back,
)
from mlwright.lifecycle.health import Health, last_seen, read_health
from mlwright.lifecycle.supervision import UpFile, read_up_file
from mlwright.lifecycle.watch import DeploymentWatch, Seen
from mlwright.monitoring import Alert, Judgement, standing_alerts
from mlwright.project import Project, find_project
from mlwright.registry import Registry
from mlwright.serving import RunningServer, is_alive
from mlwright.store import verify_audit

RUNS_SHOWN = 5


@dataclass(frozen=True)
class StatusRequest:
    """Which project to look at."""

    project: Path


@dataclass(frozen=True)
class LiveVariant:
    """One version that answers; `share` is its part of the units, 0..1."""

    variant: str
    reference: str
    share: float
    verdict: str
    since: str | None
    by: str | None
    reason: str | None


@dataclass(frozen=True)
class RolloutStatus:
    """A rollout under way, its evidence, and what would be decided now."""

    rollout: Rollout
    decision: Decision
    last_event: str


@dataclass(frozen=True)
class DeploymentStatus:
    """One endpoint; `labelled` of `served` rows of the live version have a label."""

    name: str
    model: str
    variants: tuple[LiveVariant, ...]
    served: int
    labelled: int
    judgements: tuple[Judgement, ...]
    alerts: tuple[Alert, ...]
    rollout: RolloutStatus | None
    way_back: WayBack | None

    @property
    def coverage(self) -> float | None:
        """Give the share of served rows that have a label."""
        return self.labelled / self.served if self.served else None


@dataclass(frozen=True)
class RunStatus:
    """One of the last runs."""

    id: str
    status: str
    started_at: str
    finished_at: str | None
    actor: str
    reason: str
    result: dict[str, object]


@dataclass(frozen=True)
class StatusResult:
    """One project on one screen."""

    project: str
    up: UpFile | None
    server: RunningServer | None
    is_ready: bool
    epoch_wanted: int | None
    epoch_served: int | None
    problems: dict[str, str]
    deployments: tuple[DeploymentStatus, ...]
    runs: tuple[RunStatus, ...]
    audit_broken_at: int | None


def status(request: StatusRequest) -> StatusResult:
    """Look at facts, log and server, and change nothing.

    Raises `ProjectNotFound`, `ConfigError`.
    """
    project = find_project(request.project)
    target = LocalTarget(project)
    server = target.server()
    health = read_health(project)
    up = read_up_file(project)
    is_up = up is not None and server is not None and up.server_pid == server.pid and is_alive(up.pid)
    newest = newest_document(project.database)
    served = target.look() if server is not None else None
    return StatusResult(
        project=project.name,
        up=up if is_up else None,
        server=server,
        is_ready=server is not None and server.is_ready(),
        epoch_wanted=None if newest is None else newest.epoch,
        epoch_served=None if served is None else served.epoch,
        problems=health.problems if health is not None and is_up else {},
        deployments=tuple(
            _look_at(project, name, health if is_up else None) for name in project.config.deployment
        ),
        runs=_last_runs(project),
        audit_broken_at=verify_audit(project.database),
    )


def _look_at(project: Project, name: str, health: Health | None) -> DeploymentStatus:
    """Take what the loop saw a tick ago, or read the log when no loop runs."""
    live = live_deployment(project, name)
    version = None if live is None else live.variants[-1].version
    seen = None if health is None else last_seen(health, name)
    if seen is None or seen.version != version:
        seen = DeploymentWatch(project, name).look()
    return DeploymentStatus(
        name=name,
        model=project.config.deployment[name].model,
        variants=() if live is None else _live(project, live),
        served=seen.served,
        labelled=seen.labelled,
        judgements=seen.judgements,
        alerts=tuple(standing_alerts(project.database, name)),
        rollout=_rollout(project, name, seen),
        way_back=way_back(project, name),
    )


def _live(project: Project, live: Deployment) -> tuple[LiveVariant, ...]:
    registry = Registry(project.database)
    found = []
    for variant in live.variants:
        reference = f"{variant.model}@{variant.version}"
        version = registry.resolve(reference)
        since, by, reason = _since(project, live, variant.name, variant.version)
        found.append(LiveVariant(variant.name, reference, variant.weight, version.verdict, since, by, reason))
    return tuple(found)


def _since(
    project: Project, live: Deployment, variant: str, version: int
) -> tuple[str | None, str | None, str | None]:
    """Say when and by whom a version got its present place."""
    if variant == "candidate" and live.rollout is not None:
        events = [e for e in rollout_events(project.database, live.rollout) if e.kind != "held"]
        return (events[-1].at, events[-1].actor, events[-1].reason) if events else (None, None, None)
    if variant in ("champion", "candidate"):
        moves = Registry(project.database).moves(
            live.model, "champion" if variant == "champion" else "candidate"
        )
        if moves and moves[-1].to_version == version:
            return moves[-1].at, moves[-1].actor, moves[-1].reason
    return None, None, None


def _rollout(project: Project, name: str, seen: Seen) -> RolloutStatus | None:
    rollout = active_rollout(project.database, name)
    if rollout is None:
        return None
    evidence = seen.evidence or Evidence()
    decision = decide(rollout.plan, evidence, datetime.now(UTC), step=rollout.step, since=rollout.since)
    events = rollout_events(project.database, rollout.id)
    return RolloutStatus(rollout, decision, f"{events[-1].kind}: {events[-1].reason}" if events else "")


def _last_runs(project: Project) -> tuple[RunStatus, ...]:
    with project.database.read() as tx:
        rows = tx.fetch_all("SELECT * FROM runs ORDER BY started_at DESC LIMIT ?", (RUNS_SHOWN,))
    return tuple(
        RunStatus(
            row["id"],
            row["status"],
            row["started_at"],
            row["finished_at"],
            row["actor"],
            row["reason"],
            json.loads(row["result"] or "{}"),
        )
        for row in rows
    )
