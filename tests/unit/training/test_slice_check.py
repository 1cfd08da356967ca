"""Weak slices are named, honest ones are not; copies across the split are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from mlwright.project import Task
from mlwright.training.checks import CheckInput, check_copies
from mlwright.training.checks.promised import measure_of
from mlwright.training.checks.weak_slice import WeakSlice, check_slices, weak_slices
from tests.planted.tables import given

Floats: TypeAlias = npt.NDArray[np.float64]
Scored: TypeAlias = tuple[pl.DataFrame, Floats, Floats]
Fault: TypeAlias = Literal["none", "scores", "labels", "noisy by nature"]


def columns(random: np.random.Generator, rows: int) -> dict[str, npt.NDArray]:
    """Give columns in which `kind = e` holds 3 % of the rows."""
    return {
        "kind": random.choice(["a", "b", "c", "d", "e"], rows, p=[0.4, 0.3, 0.2, 0.07, 0.03]),
        "device": random.choice(["web", "app", "shop"], rows),
        "first": random.normal(size=rows),
        "second": random.normal(size=rows),
    }


def scored(seed: int, rows: int, fault: Fault = "none", *, level: float = -1.6) -> Scored:
    """Rows with well calibrated scores; in the planted 3 % the AUC is about .1 lower."""
    random = np.random.default_rng(seed)
    made = columns(random, rows)
    planted = made["kind"] == "e"
    margin = 0.8 * made["first"] + 0.6 * made["second"] + 0.8 * (made["device"] == "app")
    if fault == "noisy by nature":
        margin = np.where(planted, 0.35 * margin, margin)
    scores = 1 / (1 + np.exp(-margin - level))
    target = (random.random(rows) < scores).astype(float)
    if fault == "scores":
        wrong = np.flatnonzero(planted & (random.random(rows) < 0.42))
        scores[wrong] = random.permutation(scores[wrong])
    if fault == "labels":
        turned = planted & (random.random(rows) < 0.2)
        target[turned] = 1 - target[turned]
    return pl.DataFrame(made), target, scores


def valued(seed: int, rows: int, fault: Fault = "none") -> Scored:
    """Positive values whose spread grows with them, and answers that are right on average."""
    random = np.random.default_rng(seed)
    made = columns(random, rows)
    answers = np.exp(0.5 * (made["first"] + made["second"]) + (made["device"] == "app"))
    target = answers * (1 + 0.3 * random.normal(size=rows))
    if fault == "labels":
        target = np.where(made["kind"] == "e", 1.5 * target, target)
    if fault == "noisy by nature":
        target = np.where(made["kind"] == "e", 2 * target - answers, target)
    return pl.DataFrame(made), target, answers


def classed(seed: int, rows: int, fault: Fault = "none") -> Scored:
    """Four classes with honest probabilities."""
    random = np.random.default_rng(seed)
    made = columns(random, rows)
    levels = [made["first"], made["second"], 0.5 * (made["device"] == "app"), np.zeros(rows)]
    odds = np.exp(1.5 * np.column_stack(levels))
    scores = odds / odds.sum(axis=1, keepdims=True)
    target = (scores.cumsum(axis=1) < random.random(rows)[:, None]).sum(axis=1).clip(max=3).astype(float)
    if fault == "scores":
        wrong = np.flatnonzero((made["kind"] == "e") & (random.random(rows) < 0.6))
        scores[wrong] = scores[random.permutation(wrong)]
    return pl.DataFrame(made), target, scores


def found(table: Scored, task: Task = "binary") -> list[WeakSlice]:
    frame, target, scores = table
    return weak_slices(frame, measure_of(task)(target, scores), task)


def is_planted(one: WeakSlice) -> bool:
    return "kind = e" in one.parts


def is_named(table: Scored, task: Task = "binary") -> bool:
    return any(is_planted(one) and not one.is_hard for one in found(table, task))


@pytest.mark.promise("checks.slices")
def test_a_planted_slice_is_named_and_honest_ones_are_not() -> None:
    assert sum(is_named(scored(seed, 25_000, "scores")) for seed in range(3)) >= 2
    assert sum(is_named(scored(seed, 25_000, "labels")) for seed in range(3)) >= 2
    assert sum(bool(found(scored(seed, 25_000))) for seed in range(10, 13)) == 0


@pytest.mark.slow
@pytest.mark.promise("checks.slices")
def test_nine_of_ten_planted_slices_are_named_with_one_false_alarm_at_most() -> None:
    named = [is_named(scored(seed, 25_000, "scores")) for seed in range(10)]
    false = [bool(found(scored(seed, 25_000))) for seed in range(100, 110)]
    assert sum(named) >= 9
    assert sum(false) <= 1


@pytest.mark.slow
@pytest.mark.promise("checks.slices")
@pytest.mark.parametrize(
    ("make", "task"),
    [
        (lambda seed: scored(seed, 6_000), "binary"),
        (lambda seed: scored(seed, 6_000, level=-4.5), "binary"),  # 2 % positives
        (lambda seed: classed(seed, 6_000), "multiclass"),
        (lambda seed: valued(seed, 6_000), "regression"),
    ],
)
def test_of_honest_tables_one_in_fifty_has_a_weak_slice(make: Callable[[int], Scored], task: Task) -> None:
    false = [any(not one.is_hard for one in found(make(seed), task)) for seed in range(100)]
    assert sum(false) <= 6  # 2 are expected at most; 7 happen in 1 of 200 such tests


@pytest.mark.promise("checks.slices")
def test_a_slice_that_is_hard_by_nature_is_no_fault() -> None:
    for hard in (
        found(scored(1, 25_000, "noisy by nature")),
        found(valued(1, 25_000, "noisy by nature"), "regression"),
    ):
        assert any(map(is_planted, hard))
        assert all(is_planted(one) and one.is_hard for one in hard)


@pytest.mark.promise("checks.slices")
def test_slices_of_classes_and_values_are_named() -> None:
    assert is_named(classed(1, 25_000, "scores"), "multiclass")
    assert is_named(valued(1, 25_000, "labels"), "regression")
    assert found(classed(2, 25_000), "multiclass") == []
    assert found(valued(2, 25_000), "regression") == []


@pytest.mark.promise("checks.slices")
def test_scores_that_are_too_sure_everywhere_make_no_slice_weak() -> None:
    frame, target, scores = scored(4, 25_000)
    odds = (scores / (1 - scores)) ** 2
    assert found((frame, target, odds / (1 + odds))) == []


@pytest.mark.promise("checks.slices")
def test_a_narrow_range_of_the_strongest_column_is_not_weak() -> None:
    random = np.random.default_rng(3)
    strong = random.normal(size=25_000)
    scores = 1 / (1 + np.exp(-2 * strong))
    frame = pl.DataFrame({"strong": strong, "shop": random.choice(["a", "b"], 25_000)})
    assert found((frame, (random.random(25_000) < scores).astype(float), scores)) == []


@pytest.mark.promise("checks.slices")
def test_a_weak_slice_of_a_time_is_told_with_its_moment() -> None:
    frame, target, scores = scored(5, 25_000)
    moments = pl.Series("at", 1_640_995_200 + np.arange(25_000) * 60).cast(pl.Int64) * 1_000_000
    late = np.arange(25_000) >= 18_750
    scores = np.where(late, np.random.default_rng(1).permutation(scores), scores)
    table = given(frame.with_columns(moments.cast(pl.Datetime("us")), y=target), "y", task="binary")
    rows = np.arange(25_000)

    finding, *_ = check_slices(replace(table, test=rows, scores=scores))

    assert finding.severity == "warning"
    assert finding.column == "at > 2022-01-14 00:29"
    assert "AUC is 0.49" in finding.text
    assert "its scores promise 0.6" in finding.text


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
