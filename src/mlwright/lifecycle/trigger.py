"""Rules that start a run, and the journal that keeps a restart from firing one twice or never."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlwright.deployment import live_deployment
from mlwright.lifecycle.source_rows import source_files
from mlwright.monitoring import Alert, standing_alerts
from mlwright.project import Project, TriggerConfig
from mlwright.store import Database, Writer, audit, canonical_json, now_text


@dataclass(frozen=True)
class Firing:
    """A trigger whose condition is met."""

    trigger: str
    cause: str
    alert_id: int | None
    evidence: dict[str, object]


@dataclass(frozen=True)
class OpenFiring:
    """A firing whose run has not ended, as the journal has it."""

    id: int
    trigger: str
    cause: str


def due_firing(project: Project, now: datetime) -> Firing | None:
    """Give the first trigger whose condition is met and whose cooldown is over.

    Everything it looks at is in the store or in the data folder, so a new process decides the same.
    """
    for name, config in project.config.triggers.items():
        last = _last_started(project.database, name)
        if last is not None and now - last < timedelta(minutes=config.cooldown_minutes):
            continue
        firing = _ask(project, name, config, now)
        if firing is not None:
            return firing
    return None


def open_firing(database: Database) -> OpenFiring | None:
    """Give the firing that was started and has not ended: its run goes on, or is to be resumed."""
    with database.read() as tx:
        row = tx.fetch_one(
            "SELECT * FROM trigger_events s WHERE outcome = 'started' AND NOT EXISTS (SELECT 1 FROM"
            " trigger_events e WHERE e.outcome != 'started' AND json_extract(e.evidence, '$.started') = s.id)"
            " ORDER BY id LIMIT 1"
        )
    return None if row is None else OpenFiring(row["id"], row["trigger_name"], row["cause"])


def record_started(database: Database, firing: Firing) -> OpenFiring:
    """Write down that a trigger fired, before its run starts."""
    with database.write() as tx:
        number = _add(tx, firing, outcome="started", run_id=None)
        audit(
            tx,
            actor="up",
            action="trigger.fired",
            target=firing.trigger,
            facts={"event": number, "cause": firing.cause, "alert": firing.alert_id},
        )
    return OpenFiring(number, firing.trigger, firing.cause)


def record_ended(
    database: Database, firing: OpenFiring, *, succeeded: bool, run_id: str | None, facts: dict[str, object]
) -> None:
    """Write down how the run of a firing ended."""
    ended = Firing(firing.trigger, firing.cause, None, {"started": firing.id, **facts})
    with database.write() as tx:
        _add(tx, ended, outcome="finished" if succeeded else "failed", run_id=run_id)


def _ask(project: Project, name: str, config: TriggerConfig, now: datetime) -> Firing | None:
    if config.on == "alert":
        return _ask_alerts(project, name, config)
    last_run = _last_run(project.database)
    if last_run is None:
        return None  # the first run is a person's
    if config.on == "clock":
        if now - last_run < timedelta(hours=config.every_hours):
            return None
        return Firing(name, f"{config.every_hours:g} h since the last run", None, {"last": str(last_run)})
    return _ask_data(project, name, last_run)


def _ask_alerts(project: Project, name: str, config: TriggerConfig) -> Firing | None:
    """Fire while an alert about the live version stands, and again after each cooldown."""
    for alert in standing_alerts(project.database):
        if config.monitor in (None, alert.monitor) and _is_about_live(project, alert):
            facts: dict[str, object] = {"alert": alert.id, "deployment": alert.deployment}
            return Firing(name, f"monitor {alert.monitor!r}: {alert.summary}", alert.id, facts)
    return None


def _is_about_live(project: Project, alert: Alert) -> bool:
    """Tell whether the version that an alert is about still answers: its successor is watched anew."""
    if alert.deployment not in project.config.deployment:
        return False
    live = live_deployment(project, alert.deployment)
    return live is not None and live.variants[-1].version == alert.version


def _ask_data(project: Project, name: str, last_run: datetime) -> Firing | None:
    newer = [
        path
        for path in source_files(project)
        if datetime.fromtimestamp(path.stat().st_mtime, last_run.tzinfo) > last_run
    ]
    if not newer:
        return None
    names = sorted(
        path.relative_to(project.root).as_posix() for path in newer if path.is_relative_to(project.root)
    )
    return Firing(name, f"{len(newer)} data files are newer than the last run", None, {"files": names[:20]})


def _last_started(database: Database, name: str) -> datetime | None:
    with database.read() as tx:
        row = tx.fetch_one(
            "SELECT max(at) AS at FROM trigger_events WHERE trigger_name = ? AND outcome = 'started'", (name,)
        )
    return None if row is None or row["at"] is None else datetime.fromisoformat(row["at"])


def _last_run(database: Database) -> datetime | None:
    with database.read() as tx:
        row = tx.fetch_one("SELECT max(started_at) AS at FROM runs")
        fired = tx.fetch_one("SELECT max(at) AS at FROM trigger_events WHERE outcome = 'started'")
    times = [found["at"] for found in (row, fired) if found is not None and found["at"] is not None]
    return datetime.fromisoformat(max(times)) if row is not None and row["at"] is not None else None


def _add(tx: Writer, firing: Firing, *, outcome: str, run_id: str | None) -> int:
    return tx.execute(
        "INSERT INTO trigger_events (trigger_name, cause, alert_id, run_id, outcome, at, evidence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            firing.trigger,
            firing.cause,
            firing.alert_id,
            run_id,
            outcome,
            now_text(),
            canonical_json(json.loads(json.dumps(firing.evidence, default=str))),
        ),
    )
