"""What is written of rollouts: one row when one starts, one event per decision, nothing ever changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mlwright.deployment.plan import Plan
from mlwright.store import Database, Reader, Writer, audit, canonical_json, now_text

EventKind = Literal["started", "advanced", "held", "promoted", "rolled-back"]
ENDED = ("promoted", "rolled-back")


@dataclass(frozen=True)
class Rollout:
    """A rollout and where it stands; `since` is when the present step began."""

    id: int
    deployment: str
    model: str
    candidate: int
    champion: int
    plan: Plan
    started_at: str
    step: int
    share: float
    since: datetime
    outcome: Literal["promoted", "rolled-back"] | None

    @property
    def salt(self) -> str:
        """Give the salt of the assignment: fresh for each rollout, so a retry meets other units."""
        return f"{self.deployment}-{self.id}"

    @property
    def candidate_reference(self) -> str:
        """Name the version on trial."""
        return f"{self.model}@{self.candidate}"

    @property
    def champion_reference(self) -> str:
        """Name the version it is compared with."""
        return f"{self.model}@{self.champion}"


@dataclass(frozen=True)
class RolloutEvent:
    """One decision about a rollout."""

    kind: EventKind
    step: int
    share: float
    at: str
    actor: str
    reason: str
    evidence: dict[str, object]


def active_rollout(database: Database, deployment: str) -> Rollout | None:
    """Give the rollout under way in a deployment."""
    with database.read() as tx:
        return active_rollout_in(tx, deployment)


def rollouts(database: Database, deployment: str | None = None) -> list[Rollout]:
    """List rollouts, oldest first."""
    with database.read() as tx:
        rows = tx.fetch_all(
            "SELECT * FROM rollouts WHERE ? IS NULL OR deployment = ? ORDER BY id", (deployment, deployment)
        )
        return [_rollout(tx, dict(row)) for row in rows]


def rollout_events(database: Database, rollout_id: int) -> list[RolloutEvent]:
    """List the decisions about a rollout, oldest first."""
    with database.read() as tx:
        rows = tx.fetch_all("SELECT * FROM rollout_events WHERE rollout_id = ? ORDER BY id", (rollout_id,))
    return [
        RolloutEvent(
            row["kind"],
            row["step"],
            row["share"],
            row["at"],
            row["actor"],
            row["reason"],
            json.loads(row["evidence"]),
        )
        for row in rows
    ]


def active_rollout_in(tx: Reader, deployment: str) -> Rollout | None:
    """Give the rollout under way in a deployment, inside the caller's transaction."""
    row = tx.fetch_one(
        "SELECT * FROM rollouts r WHERE deployment = ? AND NOT EXISTS (SELECT 1 FROM rollout_events e"
        " WHERE e.rollout_id = r.id AND e.kind IN ('promoted', 'rolled-back')) ORDER BY id DESC LIMIT 1",
        (deployment,),
    )
    return None if row is None else _rollout(tx, dict(row))


def find_rollout_in(tx: Reader, rollout_id: int) -> Rollout:
    """Give a rollout by its number."""
    row = tx.fetch_one("SELECT * FROM rollouts WHERE id = ?", (rollout_id,))
    assert row is not None, "a rollout that was started has a row; this is a bug"
    return _rollout(tx, dict(row))


def has_rolled_out(database: Database, *, deployment: str, model: str, candidate: int) -> bool:
    """Tell whether a version was on trial in a deployment before."""
    with database.read() as tx:
        row = tx.fetch_one(
            "SELECT 1 FROM rollouts WHERE deployment = ? AND model = ? AND candidate = ?",
            (deployment, model, candidate),
        )
    return row is not None


def add_rollout_in(tx: Writer, *, deployment: str, model: str, versions: tuple[int, int], plan: Plan) -> int:
    """Add a rollout of `versions` (candidate, champion); its first event follows."""
    return tx.execute(
        "INSERT INTO rollouts (deployment, model, candidate, champion, plan, at) VALUES (?, ?, ?, ?, ?, ?)",
        (deployment, model, *versions, canonical_json(plan.to_json()), now_text()),
    )


def add_event_in(tx: Writer, rollout_id: int, event: RolloutEvent) -> None:
    """Add a decision, to the history and to the audit; `at` is filled in here."""
    tx.execute(
        "INSERT INTO rollout_events (rollout_id, kind, step, share, at, actor, reason, evidence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            rollout_id,
            event.kind,
            event.step,
            event.share,
            now_text(),
            event.actor,
            event.reason,
            canonical_json(event.evidence),
        ),
    )
    rollout = find_rollout_in(tx, rollout_id)
    audit(
        tx,
        actor=event.actor,
        action=f"rollout.{event.kind}",
        target=rollout.deployment,
        facts={
            "rollout": rollout_id,
            "candidate": rollout.candidate_reference,
            "champion": rollout.champion_reference,
            "salt": rollout.salt,
            "step": event.step,
            "share": event.share,
            "reason": event.reason,
            "evidence": event.evidence,
        },
    )


def _rollout(tx: Reader, row: dict[str, object]) -> Rollout:
    events = tx.fetch_all(
        "SELECT kind, step, share, at FROM rollout_events WHERE rollout_id = ? ORDER BY id", (row["id"],)
    )
    moved = [event for event in events if event["kind"] in ("started", "advanced")]
    ended = [event["kind"] for event in events if event["kind"] in ENDED]
    plan = Plan.from_json(json.loads(str(row["plan"])))
    step, share, at = (
        (moved[-1]["step"], moved[-1]["share"], moved[-1]["at"]) if moved else (0, plan.steps[0], row["at"])
    )
    return Rollout(
        id=int(str(row["id"])),
        deployment=str(row["deployment"]),
        model=str(row["model"]),
        candidate=int(str(row["candidate"])),
        champion=int(str(row["champion"])),
        plan=plan,
        started_at=str(row["at"]),
        step=step,
        share=share,
        since=datetime.fromisoformat(str(at)),
        outcome=ended[-1] if ended else None,
    )
