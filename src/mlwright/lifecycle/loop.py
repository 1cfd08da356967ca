"""The control loop: server, document, monitors, alerts, triggers, rollouts, once per tick.

Each concern is a ring of its own. A ring that fails says so and is asked again at the next tick; it never
stops the others. All that must survive is in the store, so killing the process at any point and starting
again goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from mlwright.deployment import (
    Decision,
    Evidence,
    Rollout,
    Target,
    active_rollout,
    carry_out,
    decide,
    ensure_published,
    has_champion_changed,
    start_rollout,
)
from mlwright.errors import MlwrightError, ServerError, ServerRefused
from mlwright.lifecycle.candidate import next_candidate
from mlwright.lifecycle.health import write_health
from mlwright.lifecycle.retraining import Retraining
from mlwright.lifecycle.supervision import Supervisor
from mlwright.lifecycle.trigger import due_firing, open_firing, record_ended, record_started
from mlwright.lifecycle.watch import DeploymentWatch, Seen
from mlwright.monitoring import Judgement, record_judgement
from mlwright.project import Project

ACTOR = "up"


@dataclass(frozen=True)
class LoopEvent:
    """Something the loop did or found; `text` is for people, `kind` is stable and one of:

    ready · restarted · document.applied · alert.raised · alert.cleared · run.start · run.end ·
    rollout.start · rollout.hold · rollout.advance · rollout.promote · rollout.roll-back · problem ·
    recovered · stopping · stopped
    """

    kind: str
    text: str
    facts: Mapping[str, object] = field(default_factory=dict)


Report = Callable[[LoopEvent], None]


@dataclass(frozen=True)
class Parts:
    """What the loop acts with."""

    supervisor: Supervisor
    target: Target
    retraining: Retraining


class ControlLoop:
    """Runs one project: call `tick` again and again from one thread, then `stop`."""

    def __init__(self, project: Project, parts: Parts, report: Report) -> None:
        self.project = project
        self.supervisor = parts.supervisor
        self._report = report
        self._target = parts.target
        self._retraining = parts.retraining
        self._watches = {name: DeploymentWatch(project, name) for name in project.config.deployment}
        self._seen: dict[str, Seen] = {}
        self._problems: dict[str, str] = {}
        self._refused = 0
        self._said: dict[tuple[str, str], object] = {}
        self._written: object = None

    def begin(self) -> None:
        """Start the server.

        Raises `ServerError` when it does not start, unless a rollout is under way: its candidate may be why,
        and the ticks that follow find out.
        """
        try:
            self._keep_server()
        except ServerError:
            if not self._has_rollout():
                raise

    def tick(self) -> None:
        """Look once at everything and act."""
        self._ring("server", self._keep_server)
        self._ring("publish", self._publish)
        for name in self._watches:
            self._ring(f"monitors of {name}", partial(self._watch, name))
            self._ring(f"rollout of {name}", partial(self._roll_out, name))
        self._ring("triggers", self._retrain)
        self._ring("health", self._write_health)

    def restart(self) -> None:
        """Put a new server in the place of the one that runs; a failure is told and leaves the old one."""
        self._ring("restart", self._restart_server)

    def stop(self) -> None:
        """End the run under way in order and drain the server."""
        self._retraining.stop()
        self.supervisor.stop()

    def _ring(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as problem:  # noqa: BLE001  # border of STYLE §9: one ring must not stop the others
            text = problem.message if isinstance(problem, MlwrightError) else repr(problem)
            if self._problems.get(name) != text:
                hint = problem.hint if isinstance(problem, MlwrightError) else ""
                self._say("problem", f"{name}: {text}", ring=name, hint=hint)
            self._problems[name] = text
        else:
            if self._problems.pop(name, None) is not None:
                self._say("recovered", f"{name}: works again", ring=name)

    def _restart_server(self) -> None:
        process = self.supervisor.restart()
        self._say("restarted", f"process {process.pid} serves now", server_pid=process.pid)

    def _keep_server(self) -> None:
        process = self.supervisor.keep_alive()
        if process is None:
            return
        url, names = process.server.url, list(self._watches)
        has_auth = self.supervisor.config.token is not None
        self._say(
            "ready",
            f"serving {', '.join(names)} on {url}",
            url=url,
            grpc_address=process.server.grpc_address,
            admin_port=process.server.admin_port,
            pid=os.getpid(),
            server_pid=process.pid,
            token_file=str(self.project.run_folder / "token") if has_auth else None,
            deployments=names,
            routes=[f"POST {url}/v1/predict/{name}" for name in names],
            next=["mlwright status", "mlwright rollback --reason TEXT"],
        )

    def _publish(self) -> None:
        try:
            published = ensure_published(self.project, self._target, actor=ACTOR)
        except ServerRefused:
            self._refused += 1
            raise
        self._refused = 0
        epoch = published.document.epoch
        if published.applied.is_running and self._is_news("epoch", "", epoch):
            self._say("document.applied", f"the server follows epoch {epoch}", epoch=epoch)

    def _watch(self, name: str) -> None:
        seen = self._seen[name] = self._watches[name].look()
        for judgement in seen.judgements:
            self._alert(seen, judgement)

    def _alert(self, seen: Seen, judgement: Judgement) -> None:
        state = (seen.version, judgement.verdict)
        if seen.version is None or not self._is_news(seen.deployment, judgement.monitor, state):
            return
        alert = record_judgement(
            self.project.database, judgement, deployment=seen.deployment, version=seen.version
        )
        if alert is not None:
            self._say(
                f"alert.{alert.kind}",
                f"{alert.severity} {alert.kind} by monitor {alert.monitor!r}: {alert.summary}",
                deployment=alert.deployment,
                alert=alert.id,
            )

    def _roll_out(self, name: str) -> None:
        rollout = active_rollout(self.project.database, name)
        if rollout is None:
            self._start_rollout(name)
            return
        seen = self._seen.get(name)
        evidence = self._with_failures(seen.evidence if seen is not None else None)
        if has_champion_changed(self.project, rollout):
            reason = f"the champion is no longer {rollout.champion_reference}"
            decision = Decision("roll-back", "inconclusive", reason, (), evidence)
        else:
            decision = decide(
                rollout.plan, evidence, datetime.now(UTC), step=rollout.step, since=rollout.since
            )
        if decision.action == "hold" and not self._is_news(name, "hold", (rollout.id, _plain(decision))):
            return
        self._carry_out(rollout, decision)

    def _carry_out(self, rollout: Rollout, decision: Decision) -> None:
        after = carry_out(self.project, rollout, decision, actor=ACTOR)
        done = {
            "hold": "holds at",
            "advance": "goes on to",
            "promote": "is champion now, from",
            "roll-back": "is rolled back from",
        }[decision.action]
        share = after.share if decision.action == "advance" else rollout.share
        self._say(
            f"rollout.{decision.action}",
            f"{rollout.candidate_reference} {done} {share:.0%} of {rollout.deployment!r}: {decision.reason}",
            deployment=rollout.deployment,
            rollout=rollout.id,
            evidence=decision.to_json(),
        )
        if decision.action != "hold":
            self._refused = self.supervisor.failures = 0
            ensure_published(self.project, self._target, actor=ACTOR)

    def _start_rollout(self, name: str) -> None:
        candidate = next_candidate(self.project, name)
        if candidate is None:
            return
        reason = f"its gates allow a trial (verdict: {candidate.verdict})"
        rollout = start_rollout(self.project, name, candidate.reference, actor=ACTOR, reason=reason)
        self._say(
            "rollout.start",
            f"{candidate.reference} gets {rollout.share:.0%} of {name!r} beside {rollout.champion_reference}",
            deployment=name,
            rollout=rollout.id,
        )
        ensure_published(self.project, self._target, actor=ACTOR)

    def _retrain(self) -> None:
        firing = open_firing(self.project.database)
        if firing is None:
            if self._has_rollout():
                return  # the answer to the last run is on trial
            due = due_firing(self.project, datetime.now(UTC))
            if due is None:
                return
            firing = record_started(self.project.database, due)
            pid = self._retraining.start(firing)
            self._say("run.start", f"trigger {due.trigger!r} starts a run: {due.cause}", pid=pid)
            return
        end = self._retraining.look(firing)
        if end is None:
            return
        record_ended(
            self.project.database,
            firing,
            succeeded=end.succeeded,
            run_id=end.run_id,
            facts={"summary": end.summary},
        )
        self._say("run.end", f"the run of trigger {firing.trigger!r} ended: {end.summary}", ok=end.succeeded)

    def _write_health(self) -> None:
        state = (dict(self._problems), dict(self._seen))
        if state != self._written:
            write_health(self.project, *state)
            self._written = state

    def _has_rollout(self) -> bool:
        return any(active_rollout(self.project.database, name) for name in self._watches)

    def _with_failures(self, evidence: Evidence | None) -> Evidence:
        counted = evidence or Evidence()
        failed = max(self.supervisor.failures, self._refused)
        return Evidence(**{**counted.__dict__, "failed_starts": failed})

    def _is_news(self, subject: str, what: str, state: object) -> bool:
        before = self._said.get((subject, what))
        self._said[subject, what] = state
        return before != state

    def _say(self, kind: str, text: str, **facts: object) -> None:
        self._report(LoopEvent(kind, text, facts))


def _plain(decision: Decision) -> str:
    """Leave the counts out of a reason, so that only a new kind of wait is news."""
    return "".join(part.split("(")[0] for part in decision.reason.split(")"))
