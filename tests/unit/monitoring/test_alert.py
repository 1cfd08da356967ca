from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from mlwright.monitoring import Judgement, record_judgement, standing_alerts
from mlwright.store import Database, verify_audit


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path / "meta.sqlite")


def _say(
    database: Database, verdict: Literal["pass", "fail", "inconclusive"], version: int = 1
) -> str | None:
    judgement = Judgement("quality", verdict, "page", "missed 40 %", {"labels": 3})
    alert = record_judgement(database, judgement, deployment="production", version=version)
    return None if alert is None else alert.kind


def test_a_bad_verdict_is_raised_once(database: Database) -> None:
    assert [_say(database, "fail") for _ in range(3)] == ["raised", None, None]
    (alert,) = standing_alerts(database, "production")
    assert (alert.monitor, alert.version, alert.evidence) == ("quality", 1, {"labels": 3})


def test_a_good_verdict_clears_and_too_little_data_does_not(database: Database) -> None:
    assert [_say(database, v) for v in ("fail", "inconclusive", "pass", "pass")] == [
        "raised",
        None,
        "cleared",
        None,
    ]
    assert standing_alerts(database) == []


def test_another_version_clears_the_alert_of_the_one_before(database: Database) -> None:
    assert _say(database, "fail", 1) == "raised"
    assert _say(database, "inconclusive", 2) == "cleared"


def test_another_version_that_is_bad_too_raises_its_own(database: Database) -> None:
    assert _say(database, "fail", 1) == "raised"
    assert _say(database, "fail", 2) == "raised"
    assert [alert.version for alert in standing_alerts(database)] == [2]


def test_nothing_is_written_while_all_is_well(database: Database) -> None:
    assert [_say(database, v) for v in ("pass", "inconclusive")] == [None, None]


def test_alerts_are_audited(database: Database) -> None:
    _say(database, "fail")
    with database.read() as tx:
        assert [row["action"] for row in tx.fetch_all("SELECT action FROM audit")] == ["alert.raised"]
    assert verify_audit(database) is None
