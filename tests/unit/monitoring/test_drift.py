from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from mlwright.monitoring import Reference
from mlwright.monitoring.drift import judge_drift, normal_scores
from mlwright.project import MonitorConfig

CONFIG = MonitorConfig("drift")


def _cells(
    rng: random.Random, edges: list[float], rows: int, *, shift: float = 0.0, nulls: float = 0.0
) -> list[int]:
    counts = [0] * (len(edges) + 2)
    for _ in range(rows):
        if rng.random() < nulls:
            counts[-1] += 1
        else:
            counts[bisect_left(edges, rng.gauss(shift, 1))] += 1
    return counts


@pytest.fixture
def edges() -> list[float]:
    rng = random.Random(1)
    drawn = sorted(rng.gauss(0, 1) for _ in range(20_000))
    return [drawn[len(drawn) * k // 32] for k in range(1, 32)]


def _reference(edges: list[float]) -> Reference:
    counts = _cells(random.Random(1), edges, 20_000)
    levels = {"name": "kind", "kind": "level", "levels": ["a", "b"], "counts": [6_000, 3_000, 1_000, 0, 0]}
    number = {"name": "amount", "kind": "number", "edges": edges, "counts": counts}
    return Reference("binary", (0, 1), 1, {}, (number, levels))


def test_few_rows_are_inconclusive(edges: list[float]) -> None:
    cells = {"amount": _cells(random.Random(2), edges, 999)}
    assert judge_drift("drift", CONFIG, _reference(edges), cells).verdict == "inconclusive"


@pytest.mark.promise("monitor.drift")
def test_the_same_distribution_does_not_drift(edges: list[float]) -> None:
    for seed in range(20):
        cells = {"amount": _cells(random.Random(seed), edges, 3_000), "kind": [1_800, 900, 300, 0, 0]}
        assert judge_drift("drift", CONFIG, _reference(edges), cells).verdict == "pass"


@pytest.mark.promise("monitor.drift")
def test_a_moved_column_makes_a_ticket_with_its_effect(edges: list[float]) -> None:
    cells = {"amount": _cells(random.Random(2), edges, 5_000, shift=0.3)}
    judgement = judge_drift("drift", CONFIG, _reference(edges), cells)
    assert (judgement.verdict, judgement.severity) == ("fail", "ticket")
    (first, *_) = judgement.evidence["columns"]  # type: ignore[misc]
    assert (first["column"], first["what"]) == ("amount", "mean")
    assert first["effect"] == pytest.approx(0.3, abs=0.05)


def test_a_shift_inside_the_tolerance_is_none_however_many_rows(edges: list[float]) -> None:
    cells = {"amount": _cells(random.Random(2), edges, 60_000, shift=0.05)}
    assert judge_drift("drift", CONFIG, _reference(edges), cells).verdict == "pass"


def test_nulls_and_levels_are_told_in_points(edges: list[float]) -> None:
    cells = {
        "amount": _cells(random.Random(2), edges, 5_000, nulls=0.1),
        "kind": [1_500, 2_500, 1_000, 0, 0],
    }
    judgement = judge_drift("drift", CONFIG, _reference(edges), cells)
    found = {(item["column"], item["what"]) for item in judgement.evidence["columns"]}  # type: ignore[attr-defined]
    assert ("amount", "nulls") in found
    assert ("kind", "share of 'b'") in found
    assert "points" in judgement.summary


def test_normal_scores_are_centred_and_scaled() -> None:
    counts = [5, 20, 50, 20, 5]
    scores = normal_scores(counts)
    assert sum(s * c for s, c in zip(scores, counts, strict=True)) == pytest.approx(0, abs=1e-9)
    assert sum(s * s * c for s, c in zip(scores, counts, strict=True)) / 100 == pytest.approx(1)
