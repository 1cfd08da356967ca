"""Ask every monitor once and say what it found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlwright.deployment import choose_deployment, live_deployment
from mlwright.lifecycle.watch import DeploymentWatch
from mlwright.monitoring import Judgement, joined, read_reference, realised_metrics
from mlwright.project import find_project


@dataclass(frozen=True)
class MonitorRequest:
    """Which deployment to look at."""

    project: Path
    deployment: str | None = None


@dataclass(frozen=True)
class MonitorResult:
    """What the monitors say of the version that is live; metrics stand on the labelled rows only."""

    deployment: str
    version: int | None
    served: int
    labelled: int
    judgements: tuple[Judgement, ...]
    metrics: dict[str, float]

    @property
    def coverage(self) -> float | None:
        """Give the share of served rows that have a label."""
        return self.labelled / self.served if self.served else None


def monitor(request: MonitorRequest) -> MonitorResult:
    """Read the prediction log of a deployment and ask its monitors; nothing is recorded.

    Raises `DeploymentUnknown`.
    """
    project = find_project(request.project)
    name = choose_deployment(project, request.deployment)
    seen = DeploymentWatch(project, name).look()
    metrics: dict[str, float] = {}
    live = live_deployment(project, name)
    if live is not None and seen.labelled:
        digest = live.variants[-1].digest
        metrics = realised_metrics(
            joined(project.log, name), read_reference(project.packages / digest), live.variants[-1].version
        )
    return MonitorResult(name, seen.version, seen.served, seen.labelled, seen.judgements, metrics)
