"""Columns that know the label are found; honest ones are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.training.checks import CheckInput, check_leak, run_checks
from tests.planted.leaks import LEAKS
from tests.planted.tables import given, with_column


def customers(seed: int, rows: int = 3_000) -> CheckInput:
    """Rows with honest numbers, texts and gaps, a fifth of them positive."""
    random = np.random.default_rng(seed)
    spend, age = random.lognormal(3, 1, rows), random.integers(18, 90, rows)
    region = random.choice(["north", "south", "east", "west"], rows)
    signal = 0.8 * np.log(spend) - 0.02 * age + (region == "north") - 3.6
    label = (random.random(rows) < 1 / (1 + np.exp(-signal))).astype(int)
    gaps = np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows))
    frame = pl.DataFrame({"spend": spend, "age": age, "region": region, "visits": gaps, "y": label})
    return given(frame.with_columns(pl.col("visits").fill_nan(None)), "y", task="binary")


@pytest.mark.promise("checks.leak")
@pytest.mark.parametrize("kind", LEAKS)
def test_each_kind_of_leak_is_found_and_blocks(kind: str) -> None:
    clean = customers(1)
    column = LEAKS[kind](clean.target, np.random.default_rng(2))

    findings = check_leak(with_column(clean, "planted", column))

    assert [(finding.column, finding.severity) for finding in findings] == [("planted", "blocking")]
    assert findings[0].evidence
    assert "planted" in findings[0].advice


@pytest.mark.promise("checks.leak")
def test_a_number_in_another_form_is_a_leak_whatever_its_scale() -> None:
    random = np.random.default_rng(3)
    pay = random.lognormal(10, 2, 400)
    frame = pl.DataFrame({"age": random.integers(18, 60, 400), "pay": pay, "log": np.log(pay)})
    findings = check_leak(given(frame, "log", task="regression"))
    assert [(finding.column, finding.severity) for finding in findings] == [("pay", "blocking")]
    assert "rank correlation 1.000" in findings[0].text
    noisy = frame.with_columns(log=pl.col("log") + random.normal(size=400))
    assert check_leak(given(noisy, "log", task="regression")) == []


@pytest.mark.promise("checks.leak")
def test_honest_columns_are_no_leaks() -> None:
    assert [check_leak(customers(seed)) for seed in range(10)] == [[]] * 10


def test_an_honest_encoding_is_no_leak() -> None:
    clean = customers(3)
    random = np.random.default_rng(4)
    levels = random.integers(0, 100, len(clean.target))
    before = random.random(len(clean.target)) < 0.5  # only these rows set the means
    sums = np.bincount(levels[before], weights=clean.target[before], minlength=100)
    means = (sums + 2) / (np.bincount(levels[before], minlength=100) + 10)

    rows = np.flatnonzero(~before)
    later = CheckInput(clean.frame[rows], clean.inputs, clean.target[rows], clean.task, clean.data)

    assert check_leak(with_column(later, "mean", pl.Series(means[levels[~before]]))) == []


def test_a_smoothed_mean_over_all_rows_is_a_leak() -> None:
    clean = customers(5)
    levels = np.random.default_rng(6).integers(0, 200, len(clean.target))
    sums, counts = np.bincount(levels, weights=clean.target), np.bincount(levels)
    means = (sums + 10 * clean.target.mean()) / (counts + 10)

    findings = check_leak(with_column(clean, "mean", pl.Series(means[levels])))

    assert [finding.name for finding in findings] == ["leak.encoded"]


def test_an_earlier_label_is_history_and_a_later_one_is_a_leak() -> None:
    clean = customers(7)
    earlier = pl.Series(np.append(np.nan, clean.target[:-1])).fill_nan(None)
    later = pl.Series(np.append(clean.target[3:], [np.nan] * 3)).fill_nan(None)

    assert check_leak(with_column(clean, "before", earlier)) == []
    assert [finding.key for finding in check_leak(with_column(clean, "after", later))] == ["leak.later:after"]


def test_the_actual_twin_of_a_planned_column_is_called_late() -> None:
    random = np.random.default_rng(8)
    planned = random.uniform(0, 1_000, 2_000)
    delay = random.exponential(20, 2_000)
    late = ((delay + random.normal(0, 15, 2_000)) > 25).astype(int)
    columns = {"planned_start": planned, "start": planned + delay, "crew": random.integers(0, 5, 2_000)}
    table = given(pl.DataFrame({**columns, "late": late}), "late", task="binary")

    assert [finding.key for finding in check_leak(table)] == ["leak.late:start"]


def test_an_accepted_finding_is_told_and_no_longer_blocks() -> None:
    clean = customers(9)
    leaking = with_column(clean, "copy", pl.Series(clean.target))

    found = run_checks(leaking, accept=("leak.column:copy",))

    assert [(item.key, item.severity) for item in found if item.name.startswith("leak")] == [
        ("leak.column:copy", "info")
    ]
    assert not [item for item in run_checks(leaking, off=("leak",)) if item.name.startswith("leak")]


@pytest.mark.promise("checks.leak")
def test_a_leak_among_two_thousand_columns_is_found() -> None:
    clean = customers(10, rows=1_000)
    random = np.random.default_rng(11)

    noise = {f"n{number}": pl.Series(random.normal(size=1_000)) for number in range(2_000)}
    frame = clean.frame.with_columns(pl.DataFrame(noise))
    wide = replace(clean, frame=frame, inputs=(*clean.inputs, *(Column(name, "number") for name in noise)))

    findings = check_leak(with_column(wide, "copy", LEAKS["noisy copy"](clean.target, random)))

    assert [finding.key for finding in findings] == ["leak.column:copy"]


@pytest.mark.promise("checks.leak", "input.bad")
def test_an_infinite_number_is_no_leak_and_no_warning() -> None:
    table = customers(4)
    odd = table.frame["spend"].set(pl.Series(np.arange(3_000) % 100 == 0), float("inf"))
    assert check_leak(with_column(table, "odd", odd)) == []
