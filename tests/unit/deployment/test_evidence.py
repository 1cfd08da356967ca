from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.deployment import Rollout, RolloutTally, start_rollout
from mlwright.monitoring import Arrivals, Outcome, Stream
from mlwright.statistics import Stratum
from tests.unit.deployment.versions import make_project


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    return start_rollout(make_project(tmp_path), "production", "fraud@2", actor="t", reason="r")


def _stream(rollout: Rollout, variant: str, share: float = 0.05, reason: str = "assigned") -> Stream:
    chance = share if variant == "candidate" else 1 - share
    return Stream(variant, "fraud", 2 if variant == "candidate" else 1, rollout.id, chance, reason)


def _label(stream: Stream, row: int, *, wrong: bool, unit: int | None = None) -> Outcome:
    return Outcome(f"{row:026x}", row, "label", wrong, stream, 0.0, row if unit is None else unit, True)


def _tally(
    rollout: Rollout, outcomes: list[Outcome], served: dict[Stream, int] | None = None
) -> RolloutTally:
    tally = RolloutTally(rollout, lambda outcome: bool(outcome.value))
    tally.observe(Arrivals(served or {}, outcomes))
    return tally


def test_bad_events_are_counted_by_share_and_side(rollout: Rollout) -> None:
    outcomes = [
        _label(_stream(rollout, "candidate"), 1, wrong=True),
        _label(_stream(rollout, "candidate", 0.25), 2, wrong=True),
        _label(_stream(rollout, "champion", 0.25), 3, wrong=True),
        _label(_stream(rollout, "champion"), 4, wrong=False),
    ]
    evidence = _tally(rollout, outcomes).evidence(share=0.05)
    assert evidence.bad_events["labels"] == (Stratum(0.05, 1, 0), Stratum(0.25, 1, 1))
    assert (evidence.candidate_labels, evidence.champion_labels) == (2, 2)


def test_one_unlucky_unit_counts_once(rollout: Rollout) -> None:
    stream = _stream(rollout, "candidate")
    outcomes = [_label(stream, row, wrong=True, unit=77) for row in range(50)]
    evidence = _tally(rollout, outcomes).evidence(share=0.05)
    assert evidence.bad_events["labels"] == (Stratum(0.05, 1, 0),)
    assert evidence.candidate_labels == 50


def test_the_latest_label_of_a_row_counts(rollout: Rollout) -> None:
    stream = _stream(rollout, "candidate")
    outcomes = [_label(stream, 1, wrong=True), _label(stream, 1, wrong=False)]
    evidence = _tally(rollout, outcomes).evidence(share=0.05)
    assert evidence.bad_events["labels"] == ()
    assert evidence.candidate_labels == 1


def test_forced_rows_and_rows_of_other_rollouts_do_not_count(rollout: Rollout) -> None:
    forced = _stream(rollout, "candidate", reason="forced")
    other = _stream(rollout, "candidate")._replace(rollout=rollout.id + 1)
    served = {forced: 10, other: 10, _stream(rollout, "candidate"): 3, _stream(rollout, "champion"): 57}
    outcomes = [_label(forced, 1, wrong=True), _label(other, 2, wrong=True)]
    evidence = _tally(rollout, outcomes, served).evidence(share=0.05)
    assert (evidence.candidate_requests, evidence.champion_requests) == (3, 57)
    assert evidence.bad_events["labels"] == ()


def test_requests_of_earlier_steps_do_not_count_for_this_one(rollout: Rollout) -> None:
    served = {_stream(rollout, "candidate"): 600, _stream(rollout, "candidate", 0.25): 20}
    evidence = _tally(rollout, [], served).evidence(share=0.25)
    assert (evidence.candidate_requests, evidence.candidate_requests_at_step) == (620, 20)


def test_error_events_feed_their_own_gate_and_other_events_none(rollout: Rollout) -> None:
    stream = _stream(rollout, "candidate")
    events = [
        Outcome("1" * 26, 1, "event", "error", stream, 0.0, 1, False),
        Outcome("2" * 26, 2, "event", "clicked", stream, 0.0, 2, False),
    ]
    evidence = _tally(rollout, events).evidence(share=0.05)
    assert evidence.bad_events["errors"] == (Stratum(0.05, 1, 0),)
    assert evidence.bad_events["labels"] == ()
