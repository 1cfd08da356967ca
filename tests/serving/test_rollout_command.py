from __future__ import annotations

import pytest

from mlwright.commands import rollout as command
from mlwright.commands.rollback import RollbackRequest, rollback
from mlwright.commands.rollout import RolloutRequest
from mlwright.errors import RolloutUnknown
from mlwright.monitoring import predictions
from mlwright.registry import Registry
from tests.serving.conftest import Stage
from tests.serving.packages import row


def _answers(stage: Stage, units: int = 200) -> dict[str, tuple[str, str]]:
    with stage.client() as client:
        found = {f"u{n}": client.predict(row(50), unit=f"u{n}")[0] for n in range(units)}
    return {unit: (answer["variant"], str(answer["version"])) for unit, answer in found.items()}


@pytest.mark.promise("serve.sticky")
def test_a_rollout_by_hand_splits_units_and_keeps_each_on_its_side(stage: Stage) -> None:
    change = command.start(RolloutRequest(stage.project.root, model="fraud@2", reason="try"))
    assert (change.is_live, change.rollout.share) == (True, 0.5)
    first, second = _answers(stage), _answers(stage)
    assert first == second
    assert set(first.values()) == {("candidate", "2"), ("champion", "1")}
    frame = predictions(stage.project.log, "production")
    assert set(frame["propensity"]) == {0.5}
    assert set(frame["rollout"]) == {change.rollout.id}
    assert set(frame["reason"]) == {"assigned"}


def test_promotion_by_hand_makes_the_candidate_champion_at_once(stage: Stage) -> None:
    command.start(RolloutRequest(stage.project.root, model="fraud@2"))
    change = command.promote(RolloutRequest(stage.project.root, reason="looks good"))
    assert (change.rollout.outcome, change.is_live) == ("promoted", True)
    assert set(_answers(stage, 30).values()) == {("champion", "2")}
    move = Registry(stage.project.database).moves("fraud", "champion")[-1]
    assert (move.to_version, move.reason) == (2, "looks good")


def test_aborting_by_hand_gives_all_units_back_and_keeps_the_history(stage: Stage) -> None:
    command.start(RolloutRequest(stage.project.root, model="fraud@2"))
    command.abort(RolloutRequest(stage.project.root, reason="not now"))
    assert set(_answers(stage, 30).values()) == {("champion", "1")}
    (record,) = command.list_rollouts(RolloutRequest(stage.project.root))
    assert [event.kind for event in record.events] == ["started", "rolled-back"]
    assert record.events[-1].reason == "not now"


@pytest.mark.promise("loop.rollback")
def test_a_rollback_under_a_rollout_ends_it_with_its_evidence(stage: Stage) -> None:
    command.start(RolloutRequest(stage.project.root, model="fraud@2"))
    served = len(_answers(stage, 100))
    done = rollback(RollbackRequest(stage.project.root, reason="it hurts"))
    assert (done.from_version, done.to_version, done.ended_rollout) == ("fraud@2", "fraud@1", 1)
    assert set(_answers(stage, 30).values()) == {("champion", "1")}
    (record,) = command.list_rollouts(RolloutRequest(stage.project.root))
    requests = record.events[-1].evidence["requests"]
    assert requests["candidate"] + requests["champion"] == served  # type: ignore[index]


def test_there_is_nothing_to_promote_without_a_rollout(stage: Stage) -> None:
    with pytest.raises(RolloutUnknown):
        command.promote(RolloutRequest(stage.project.root))
