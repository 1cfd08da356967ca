"""Weak slices are named, honest ones are not; copies across the split are counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from mlwright.training.checks import CheckInput, check_copies
from mlwright.training.checks.weak_slice import weak_slices
from tests.planted.tables import given

Scored = tuple[pl.DataFrame, npt.NDArray[np.float64], npt.NDArray[np.float64]]


def scored(seed: int, rows: int, *, is_planted: bool) -> Scored:
    """Rows with well calibrated scores; in the planted 3 % the AUC is about .1 lower."""
    random = np.random.default_rng(seed)
    kind = random.choice(["a", "b", "c", "d", "e"], rows, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    device = random.choice(["web", "app", "shop"], rows)
    first, second = random.normal(size=(2, rows))
    margin = 0.8 * first + 0.6 * second + 0.8 * (device == "app") - 1.6
    scores = 1 / (1 + np.exp(-margin))
    target = (random.random(rows) < scores).astype(float)
    if is_planted:
        wrong = np.flatnonzero((kind == "e") & (random.random(rows) < 0.42))
        scores[wrong] = random.permutation(scores[wrong])
    frame = pl.DataFrame({"kind": kind, "device": device, "first": first, "second": second})
    return frame, target, scores


def named(seed: int, rows: int, *, is_planted: bool) -> set[str]:
    frame, target, scores = scored(seed, rows, is_planted=is_planted)
    return {one.name for one in weak_slices(frame, target, scores, is_ranked=True)}


@pytest.mark.promise("checks.slices")
def test_a_planted_slice_is_named_and_honest_ones_are_not() -> None:
    found = [any("kind = e" in name for name in named(seed, 25_000, is_planted=True)) for seed in range(3)]
    false = [named(seed, 25_000, is_planted=False) for seed in range(10, 13)]
    assert sum(found) >= 2
    assert sum(bool(names) for names in false) == 0


@pytest.mark.slow
@pytest.mark.promise("checks.slices")
def test_nine_of_ten_planted_slices_are_named_with_one_false_alarm_at_most() -> None:
    found = [any("kind = e" in name for name in named(seed, 25_000, is_planted=True)) for seed in range(10)]
    false = [bool(named(seed, 25_000, is_planted=False)) for seed in range(100, 110)]
    assert sum(found) >= 9
    assert sum(false) <= 1


@pytest.mark.promise("checks.copies")
def test_copies_across_the_split_are_counted() -> None:
    random = np.random.default_rng(1)
    columns = {name: random.normal(size=1_000) for name in ("a", "b", "c")}
    frame = pl.DataFrame({**columns, "y": random.integers(0, 2, 1_000)})
    clean = given(frame, "y", task="binary")

    def divided(table: CheckInput) -> CheckInput:
        rows = np.arange(1_000)
        return CheckInput(
            table.frame, table.inputs, table.target, "binary", table.data, rows[:700], rows[700:]
        )

    copied = given(pl.concat([frame[:700], frame[:60], frame[760:]]), "y", task="binary")
    assert check_copies(divided(clean)) == []
    (finding,) = check_copies(divided(copied))
    assert (finding.key, finding.severity, finding.evidence["exact"]) == ("duplicates.across", "blocking", 60)
