from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlwright.deployment import (
    Decision,
    Evidence,
    active_rollout,
    carry_out,
    choose_deployment,
    has_rolled_out,
    live_deployment,
    newest_document,
    required_rollout,
    rollout_events,
    start_rollout,
)
from mlwright.errors import ConfigError, DeploymentUnknown, RolloutUnderWay, RolloutUnknown, UsageError
from mlwright.registry import Registry
from mlwright.store import verify_audit
from tests.unit.deployment.versions import CONFIG, make_project


def _decide(action: str) -> Decision:
    return Decision(action, "pass", "because", (), Evidence(candidate_requests=3))  # type: ignore[arg-type]


def test_a_start_gives_the_candidate_its_first_share_before_the_champion(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    live = live_deployment(project, "production")
    assert live is not None
    assert [(v.name, v.version, v.weight) for v in live.variants] == [
        ("candidate", 2, 0.05),
        ("champion", 1, 0.95),
    ]
    assert (live.salt, live.rollout) == (f"production-{rollout.id}", rollout.id)


def test_facts_event_audit_and_epoch_of_a_start_are_one_transaction(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    document = newest_document(project.database)
    assert document is not None
    assert json.loads(document.text)["deployments"][0]["rollout"] == rollout.id
    assert [event.kind for event in rollout_events(project.database, rollout.id)] == ["started"]
    assert verify_audit(project.database) is None


def test_each_rollout_has_a_salt_of_its_own(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    carry_out(project, first, _decide("roll-back"), actor="ann")
    second = start_rollout(project, "production", "fraud@2", actor="ann", reason="again")
    assert first.salt != second.salt


def test_a_second_rollout_in_the_same_deployment_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    with pytest.raises(RolloutUnderWay, match="fraud@2"):
        start_rollout(project, "production", "fraud@3", actor="ann", reason="try")


def test_the_champion_cannot_be_tried_against_itself(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fraud@1"):
        start_rollout(make_project(tmp_path), "production", "fraud@1", actor="ann", reason="try")


def test_a_pinned_deployment_has_no_rollouts(tmp_path: Path) -> None:
    project = make_project(tmp_path, config=CONFIG.replace("fraud@champion", "fraud@3"))
    with pytest.raises(UsageError, match="does not follow a champion"):
        start_rollout(project, "production", "fraud@2", actor="ann", reason="try")


def test_advancing_goes_through_the_steps(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    rollout = carry_out(project, rollout, _decide("advance"), actor="up")
    assert (rollout.step, rollout.share) == (1, 0.25)
    rollout = carry_out(project, rollout, _decide("advance"), actor="up")
    assert (rollout.step, rollout.share) == (2, 0.5)


def test_doing_the_same_decision_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    carry_out(project, rollout, _decide("advance"), actor="up")
    again = carry_out(project, rollout, _decide("advance"), actor="up")
    assert again.step == 1
    assert len(rollout_events(project.database, rollout.id)) == 2


def test_promotion_moves_champion_event_and_epoch_together(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    registry = Registry(project.database)
    registry.move_alias("fraud", "candidate", 2, actor="run", reason="new")
    rollout = start_rollout(project, "production", None, actor="up", reason="try")
    ended = carry_out(project, rollout, _decide("promote"), actor="up")
    champion = registry.alias("fraud", "champion")
    assert ended.outcome == "promoted"
    assert champion is not None
    assert champion.number == 2
    assert registry.alias("fraud", "candidate") is None
    assert active_rollout(project.database, "production") is None
    live = live_deployment(project, "production")
    assert live is not None
    assert [(v.version, v.weight) for v in live.variants] == [(2, 1.0)]
    assert registry.moves("fraud", "champion")[-1].evidence["rollout"] == rollout.id


def test_a_rollback_leaves_the_champion_alone_and_the_version_tried(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="up", reason="try")
    ended = carry_out(project, rollout, _decide("roll-back"), actor="up")
    champion = Registry(project.database).alias("fraud", "champion")
    assert ended.outcome == "rolled-back"
    assert champion is not None
    assert champion.number == 1
    assert has_rolled_out(project.database, deployment="production", model="fraud", candidate=2)


def test_waiting_is_written_down_once_per_reason(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    rollout = start_rollout(project, "production", "fraud@2", actor="up", reason="try")
    for count in (3, 4, 5):
        waiting = Decision("hold", "inconclusive", f"waiting for requests ({count} of 500)", (), Evidence())
        carry_out(project, rollout, waiting, actor="up")
    waiting = Decision("hold", "inconclusive", "waiting for labels (3 of 50)", (), Evidence())
    carry_out(project, rollout, waiting, actor="up")
    reasons = [event.reason for event in rollout_events(project.database, rollout.id)]
    assert reasons == ["try", "waiting for requests (3 of 500)", "waiting for labels (3 of 50)"]


def test_unknown_deployments_and_missing_rollouts_are_named(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(DeploymentUnknown, match="'prod'"):
        choose_deployment(project, "prod")
    with pytest.raises(RolloutUnknown):
        required_rollout(project, "production")
    assert choose_deployment(project, None) == "production"


def test_steps_that_do_not_rise_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, config=CONFIG.replace("[5, 25, 50]", "[25, 5]"))
    with pytest.raises(ConfigError, match="rise"):
        start_rollout(project, "production", "fraud@2", actor="ann", reason="try")


def test_a_step_begins_when_its_event_was_written(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = datetime.now(UTC)
    rollout = start_rollout(project, "production", "fraud@2", actor="ann", reason="try")
    assert abs((rollout.since - before).total_seconds()) < 60
