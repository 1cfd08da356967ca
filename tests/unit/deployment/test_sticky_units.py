"""Sticky units under a ramp: one unit's many bad events must not look like many units' (B9 of the notes)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlwright.deployment import Rollout, RolloutTally, decide, start_rollout
from mlwright.monitoring import Arrivals, Outcome, Stream
from mlwright.statistics import choose_variant, thresholds, unit_hash
from tests.unit.deployment.versions import make_project

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = 150
UNITS = 1_500


def _play(rollout: Rollout, run: int) -> bool:
    """Serve units of very unequal traffic and error rates, both variants alike; tell if it rolled back."""
    rng = random.Random(run)
    tally = RolloutTally(rollout, lambda outcome: None)
    errors = []
    for unit in range(UNITS):
        requests = min(1 + int(rng.gammavariate(0.3, 200)), 400)
        rate = min(rng.gammavariate(0.1, 0.05), 0.9)
        errors += [(rng.random(), unit) for _ in range(requests) if rng.random() < rate]
    for number, (moment, unit) in enumerate(sorted(errors)):
        share = rollout.plan.steps[int(moment * 3)]
        hashed = unit_hash(f"run-{run}", str(unit))
        variant = ("candidate", "champion")[choose_variant(hashed, thresholds([share, 1 - share]))]
        chance = share if variant == "candidate" else 1 - share
        stream = Stream(variant, "fraud", 2, rollout.id, chance, "assigned")
        event = Outcome(f"{number:026x}", number, "event", "error", stream, 0.0, unit, is_first=False)
        tally.observe(Arrivals({}, [event]))
        decision = decide(rollout.plan, tally.evidence(share=share), NOW, step=0, since=NOW)
        if decision.action == "roll-back":
            return True
    return False


@pytest.mark.promise("loop.false-rollback")
def test_unlucky_customers_do_not_roll_a_harmless_candidate_back(tmp_path: Path) -> None:
    rollout = start_rollout(make_project(tmp_path), "production", "fraud@2", actor="t", reason="r")
    assert sum(_play(rollout, run) for run in range(RUNS)) <= 3
