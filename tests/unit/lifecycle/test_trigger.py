from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlwright.lifecycle.trigger import (
    due_firing,
    open_firing,
    record_ended,
    record_started,
    source_files,
)
from mlwright.monitoring import Judgement, record_judgement
from mlwright.project import Project
from mlwright.registry import Registry
from tests.unit.deployment.versions import CONFIG, make_project

TRIGGERS = """
[data]
source = ["data/*.csv"]

[triggers.quality]
on = "alert"
monitor = "quality"
cooldown_minutes = 60.0

[triggers.weekly]
on = "clock"
every_hours = 168.0

[triggers.fresh]
on = "data"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, config=CONFIG + TRIGGERS)


def _now() -> datetime:
    return datetime.now(UTC)


def _raise_alert(project: Project, monitor: str = "quality") -> None:
    judgement = Judgement(monitor, "fail", "page", "missed 40 %")
    record_judgement(project.database, judgement, deployment="production", version=1)


def _add_run(project: Project, at: datetime) -> None:
    with project.database.write() as tx:
        tx.execute(
            "INSERT INTO runs (id, started_at, status, actor, reason) VALUES (?, ?, 'done', 'ann', 'first')",
            (at.isoformat(), at.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
        )


def test_nothing_fires_on_a_fresh_project(project: Project) -> None:
    assert due_firing(project, _now()) is None
    assert due_firing(project, _now() + timedelta(days=400)) is None


def test_an_alert_fires_its_trigger_and_no_other_monitor_does(project: Project) -> None:
    _raise_alert(project, "drift")
    assert due_firing(project, _now()) is None
    _raise_alert(project)
    firing = due_firing(project, _now())
    assert firing is not None
    assert (firing.trigger, firing.alert_id) == ("quality", 2)


def test_a_standing_alert_fires_again_only_after_the_cooldown(project: Project) -> None:
    _raise_alert(project)
    firing = due_firing(project, _now())
    assert firing is not None
    record_started(project.database, firing)
    assert due_firing(project, _now() + timedelta(minutes=59)) is None
    assert due_firing(project, _now() + timedelta(minutes=61)) is not None


def test_an_alert_about_a_version_that_is_no_longer_live_fires_nothing(project: Project) -> None:
    _raise_alert(project)
    Registry(project.database).move_alias("fraud", "champion", 2, actor="up", reason="promoted")
    assert due_firing(project, _now()) is None


def test_the_clock_counts_from_the_last_run_of_any_kind(project: Project) -> None:
    _add_run(project, _now() - timedelta(days=6))
    assert due_firing(project, _now()) is None
    firing = due_firing(project, _now() + timedelta(days=1, minutes=1))
    assert firing is not None
    assert firing.trigger == "weekly"


def test_the_clock_does_not_fire_twice_for_one_period(project: Project) -> None:
    _add_run(project, _now() - timedelta(days=8))
    firing = due_firing(project, _now())
    assert firing is not None
    record_started(project.database, firing)
    assert due_firing(project, _now() + timedelta(hours=2)) is None


def test_a_clock_set_back_fires_nothing(project: Project) -> None:
    _add_run(project, _now())
    assert due_firing(project, _now() - timedelta(days=400)) is None


def test_data_newer_than_the_last_run_fires_once(project: Project) -> None:
    _add_run(project, _now() - timedelta(hours=2))
    folder = project.root / "data"
    folder.mkdir()
    for name, age in (("old.csv", 3), ("new.csv", 1)):
        (folder / name).write_text("a\n1\n")
        changed = (_now() - timedelta(hours=age)).timestamp()
        os.utime(folder / name, (changed, changed))
    firing = due_firing(project, _now())
    assert firing is not None
    assert (firing.trigger, firing.evidence) == ("fresh", {"files": ["data/new.csv"]})
    record_started(project.database, firing)
    assert due_firing(project, _now() + timedelta(hours=2)) is None


def test_sources_may_be_files_and_globs(project: Project) -> None:
    (project.root / "data").mkdir()
    (project.root / "data" / "a.csv").write_text("")
    assert [path.name for path in source_files(project)] == ["a.csv"]


def test_a_started_firing_stays_open_until_its_end_is_written(project: Project) -> None:
    _raise_alert(project)
    firing = due_firing(project, _now())
    assert firing is not None
    started = record_started(project.database, firing)
    assert open_firing(project.database) == started
    record_ended(project.database, started, succeeded=True, run_id="abc", facts={"summary": "fraud@2"})
    assert open_firing(project.database) is None
