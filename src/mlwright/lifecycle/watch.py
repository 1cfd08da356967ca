"""What the control loop knows of one deployment, rebuilt from facts and log when the champion changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlwright.deployment import (
    Evidence,
    Rollout,
    RolloutTally,
    active_rollout,
    judge_outcome,
    live_deployment,
    rollouts,
)
from mlwright.monitoring import Judgement, Monitors, OutcomeLog, VersionId
from mlwright.project import Project
from mlwright.registry import Registry


@dataclass(frozen=True)
class Seen:
    """What the log says of a deployment now."""

    deployment: str
    version: int | None
    judgements: tuple[Judgement, ...]
    served: int
    labelled: int
    evidence: Evidence | None


class DeploymentWatch:
    """Follows the prediction log of one deployment from the time its present champion first answered."""

    def __init__(self, project: Project, deployment: str) -> None:
        self.project = project
        self.deployment = deployment
        self._champion: int | None = None
        self._tally: RolloutTally | None = None
        self._restart(None)

    def look(self) -> Seen:
        """Read what is new and say how the champion is."""
        live = live_deployment(self.project, self.deployment)
        champion = None if live is None else live.variants[-1].version
        rollout = active_rollout(self.project.database, self.deployment)
        if champion != self._champion:
            self._restart(champion)
        self._follow(rollout)
        arrivals = self._outcomes.advance()
        if _id(active_rollout(self.project.database, self.deployment)) != _id(rollout):
            self._champion = None  # rows of a rollout we did not follow were read: start over
            return self.look()
        self.monitors.observe(arrivals)
        if self._tally is not None:
            self._tally.observe(arrivals)
        served, labelled = (0, 0) if champion is None else self.monitors.coverage(champion)
        evidence = None
        if rollout is not None and self._tally is not None:
            evidence = self._tally.evidence(share=rollout.share)
        judgements = () if champion is None else tuple(self.monitors.judge(champion))
        return Seen(self.deployment, champion, judgements, served, labelled, evidence)

    def _follow(self, rollout: Rollout | None) -> None:
        """Count for the rollout under way; its first row is served after its first look here."""
        if rollout is None:
            self._tally = None
        elif self._tally is None or self._tally.rollout.id != rollout.id:
            self._know_versions()
            self._tally = RolloutTally(rollout, judge_outcome(self.monitors, rollout))

    def _restart(self, champion: int | None) -> None:
        self._champion = champion
        self._tally = None
        since_us = 0 if champion is None else self._first_served_us(champion)
        log, packages = self.project.log, self.project.packages
        self.monitors = Monitors(
            self.project.config.monitors,
            packages=packages,
            log=log,
            deployment=self.deployment,
            since_us=since_us,
        )
        self._know_versions()
        self._outcomes = OutcomeLog(log, self.deployment, since_us=since_us)

    def _know_versions(self) -> None:
        for version in Registry(self.project.database).versions(self._model()):
            self.monitors.know(VersionId(version.number, version.digest, version.compared_with))

    def _model(self) -> str:
        return self.project.config.deployment[self.deployment].model.split("@", maxsplit=1)[0]

    def _first_served_us(self, version: int) -> int:
        """Find when a version first got traffic: in its rollout, or when it became champion."""
        model = self._model()
        moves = Registry(self.project.database).moves(model, "champion")
        times = [move.at for move in moves if move.to_version == version]
        times += [
            rollout.started_at
            for rollout in rollouts(self.project.database, self.deployment)
            if rollout.model == model and rollout.candidate == version
        ]
        return int(datetime.fromisoformat(min(times)).timestamp() * 1_000_000) if times else 0


def _id(rollout: Rollout | None) -> int | None:
    return None if rollout is None else rollout.id
