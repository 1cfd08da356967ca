"""The record of a monitor's verdict turning bad, and good again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from mlwright.monitoring.judgement import Judgement, Severity
from mlwright.store import Database, Reader, audit, canonical_json, now_text


@dataclass(frozen=True)
class Alert:
    """One change of a monitor's verdict."""

    id: int
    monitor: str
    deployment: str
    version: int | None
    kind: Literal["raised", "cleared"]
    severity: Severity
    summary: str
    at: str
    evidence: dict[str, object]


def record_judgement(
    database: Database, judgement: Judgement, *, deployment: str, version: int
) -> Alert | None:
    """Raise or clear the alert of a monitor if its verdict changed; give the new record, if any.

    A bad verdict about the same version is raised once, whatever restarts in between. An alert is cleared by
    a good verdict, or by another version going live that has not turned bad itself.
    """
    with database.write() as tx:
        last = _last_in(tx, deployment, judgement.monitor)
        is_raised = last is not None and last.kind == "raised"
        same_version = last is not None and last.version == version
        kind: Literal["raised", "cleared"]
        if judgement.verdict == "fail" and not (is_raised and same_version):
            kind = "raised"
        elif is_raised and (not same_version or judgement.verdict == "pass") and judgement.verdict != "fail":
            kind = "cleared"
        else:
            return None
        alert_id = tx.execute(
            "INSERT INTO alerts (monitor, deployment, version, kind, severity, summary, at, evidence)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                judgement.monitor,
                deployment,
                version,
                kind,
                judgement.severity,
                judgement.summary,
                now_text(),
                canonical_json(judgement.evidence),
            ),
        )
        audit(
            tx,
            actor="monitor",
            action=f"alert.{kind}",
            target=deployment,
            facts={"alert": alert_id, "monitor": judgement.monitor, "version": version},
        )
        return _last_in(tx, deployment, judgement.monitor)


def standing_alerts(database: Database, deployment: str | None = None) -> list[Alert]:
    """List alerts that were raised and not cleared."""
    with database.read() as tx:
        rows = tx.fetch_all(
            "SELECT * FROM alerts WHERE id IN (SELECT max(id) FROM alerts GROUP BY deployment, monitor)"
            " AND kind = 'raised' AND (? IS NULL OR deployment = ?) ORDER BY id",
            (deployment, deployment),
        )
    return [_from_row(dict(row)) for row in rows]


def _last_in(tx: Reader, deployment: str, monitor: str) -> Alert | None:
    row = tx.fetch_one(
        "SELECT * FROM alerts WHERE deployment = ? AND monitor = ? ORDER BY id DESC LIMIT 1",
        (deployment, monitor),
    )
    return None if row is None else _from_row(dict(row))


def _from_row(fields: dict[str, object]) -> Alert:
    evidence = json.loads(str(fields.pop("evidence")))
    return Alert(**fields, evidence=evidence)  # type: ignore[arg-type]  # the columns are the fields
