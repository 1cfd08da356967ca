"""Each check finds the fault that it looks for, and says nothing of honest orders."""

from __future__ import annotations

from typing import get_args

import numpy as np
import polars as pl
import pytest

from mlwright.project import CheckName, DataConfig, SplitConfig, TrainingConfig
from mlwright.training.checks import CHECKS, run_checks
from tests.planted.service import alarms, changed, orders, with_values


@pytest.mark.promise("checks.quiet")
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_honest_orders_raise_no_alarm(task: str) -> None:
    assert [list(alarms(orders(seed, task=task))) for seed in range(3)] == [[]] * 3


@pytest.mark.slow
@pytest.mark.promise("checks.quiet")
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_one_of_twenty_honest_tables_raises_an_alarm_at_most(task: str) -> None:
    said = [list(alarms(orders(seed, task=task))) for seed in range(20)]
    assert sum(bool(keys) for keys in said) <= 1, said


@pytest.mark.promise("checks.ladder")
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_useless_model_blocks(task: str) -> None:
    given = orders(1, task=task)
    assert given.scores is not None
    noise = np.random.default_rng(2).permutation(given.scores)

    finding = alarms(changed(given, scores=noise))["ladder.constant"]

    assert finding.severity == "blocking"
    assert "constant" in finding.text


@pytest.mark.promise("checks.ladder")
def test_a_model_that_simpler_ones_beat_is_told() -> None:
    given = orders(1, rows=8_000)
    assert given.scores is not None
    worse = given.scores + np.random.default_rng(2).normal(size=len(given.scores))

    found = alarms(changed(given, scores=worse))

    assert {"ladder.beaten:a linear model", "ladder.beaten:an untuned booster"} <= set(found)


@pytest.mark.promise("checks.ladder")
def test_the_last_value_beats_a_model_that_does_not_look_back() -> None:
    given = orders(3, task="regression")
    walk = np.cumsum(np.random.default_rng(4).normal(size=len(given.target)))
    scores = walk[given.test].mean() + np.random.default_rng(5).normal(size=len(given.test))

    found = alarms(changed(given, target=walk, scores=scores), off=("leak",))

    assert "ladder.beaten:the last value" in found or "ladder.constant" in found
    known = walk[given.test] + 0.3 * np.random.default_rng(5).normal(size=len(given.test))
    assert "ladder.beaten:the last value" not in alarms(
        changed(given, target=walk, scores=known), off=("leak",)
    )


@pytest.mark.promise("checks.ladder", "checks.quiet")
def test_a_good_model_of_counts_is_told_from_a_useless_one() -> None:
    given = orders(1, task="regression")
    rates = np.exp(0.8 * given.frame["amount"].to_numpy())
    counts = np.random.default_rng(2).poisson(rates).astype(float)
    settings = TrainingConfig(metric="poisson_deviance")
    good = changed(given, target=counts, scores=rates[given.test], training=settings)

    assert alarms(good) == {}
    mixed = np.random.default_rng(3).permutation(rates[given.test])
    assert "ladder.constant" in alarms(changed(good, scores=mixed))


@pytest.mark.promise("checks.ladder")
def test_few_rows_are_no_evidence_against_a_model() -> None:
    given = orders(1)
    assert given.scores is not None
    few = changed(given, test=given.test[:12], scores=given.scores[:12], blocks=None)
    assert not [finding for finding in run_checks(few) if finding.severity == "blocking"]


@pytest.mark.promise("checks.overfit")
def test_a_promise_that_the_test_rows_do_not_keep_is_told() -> None:
    given = orders(1)
    honest = changed(given, facts={"value": 0.80, "validated": 2_800, "optimism": 0.001})

    assert not [key for key in alarms(honest) if key.startswith("overfit")]
    found = alarms(changed(given, facts={"value": 0.95, "validated": 2_800, "optimism": 0.04}))
    assert {"overfit.validation", "overfit.nested"} <= set(found)
    assert found["overfit.validation"].evidence["validation"] == 0.95


@pytest.mark.promise("checks.calibration")
@pytest.mark.parametrize(("slope", "said"), [(3.0, "over-confident"), (0.3, "under-confident")])
def test_probabilities_that_are_off_are_told(slope: float, said: str) -> None:
    given = orders(1)
    assert given.scores is not None
    margins = np.log(given.scores / (1 - given.scores))

    finding = alarms(changed(given, scores=1 / (1 + np.exp(-slope * margins))))["calibration.off"]

    assert said in finding.text
    low, ece, high = (float(str(finding.evidence[name])) for name in ("low", "ece", "high"))
    assert low < ece < high
    assert ece > float(str(finding.evidence["by_chance"]))


@pytest.mark.promise("checks.threshold")
def test_a_threshold_that_nobody_reaches_is_told() -> None:
    assert "threshold.idle" in alarms(changed(orders(1), threshold=1.5))


@pytest.mark.promise("checks.threshold")
def test_more_alerts_than_can_be_looked_at_are_told() -> None:
    settings = TrainingConfig(threshold="capacity", alert_share=0.05)
    given = changed(orders(1), training=settings)
    assert given.scores is not None
    fitting = float(np.quantile(given.scores, 0.95))

    assert not [key for key in alarms(changed(given, threshold=fitting)) if key.startswith("threshold")]
    finding = alarms(changed(given, threshold=float(np.quantile(given.scores, 0.8))))["threshold.capacity"]
    assert finding.evidence["alerts_per_day"] == pytest.approx(0.2 * 1_200 / 150, rel=0.05)


@pytest.mark.promise("checks.threshold")
def test_a_dear_threshold_is_told_with_its_interval() -> None:
    settings = TrainingConfig(threshold="cost", cost_missed=20.0)
    given = changed(orders(1), training=settings)
    best = 1 / 21

    (said,) = [one for one in run_checks(changed(given, threshold=best)) if one.name.startswith("threshold")]
    assert (said.name, said.severity) == ("threshold.set", "info")
    assert float(str(said.evidence["low"])) <= float(str(said.evidence["high"])) < 0.3
    assert "threshold.cost" in alarms(changed(given, threshold=0.5))


@pytest.mark.promise("checks.extrapolation")
def test_months_that_training_has_not_seen_are_named() -> None:
    finding = alarms(orders(1, days=420))["extrapolation.season"]
    assert finding.evidence["missing"] == ["November", "December"]
    assert "no November" in finding.text


@pytest.mark.promise("checks.extrapolation")
def test_columns_that_moved_are_named() -> None:
    given = orders(1)
    count = pl.Series(np.arange(given.frame.height) + 0.0)
    mixed = given.frame["amount"] + np.where(np.arange(given.frame.height) >= len(given.train), 4.0, 0.0)

    found = alarms(with_values(with_values(given, "counter", count), "amount", mixed))

    assert {"extrapolation.shift:counter", "extrapolation.shift:amount"} <= set(found)


@pytest.mark.promise("checks.extrapolation")
def test_values_beyond_training_and_new_levels_are_told() -> None:
    given = orders(1)
    random = np.random.default_rng(3)
    is_new = (np.arange(given.frame.height) >= len(given.train)) & (random.random(given.frame.height) < 0.15)
    higher = pl.Series(
        np.where(is_new, 30 + given.frame["visits"].to_numpy(), given.frame["visits"].to_numpy())
    )
    opened = pl.Series(np.where(is_new, "e", given.frame["shop"].to_numpy().astype(str)))

    found = alarms(with_values(with_values(given, "visits", higher), "shop", opened))

    assert {"extrapolation.range:visits", "extrapolation.unseen:shop"} <= set(found)


@pytest.mark.promise("checks.extrapolation")
def test_sentences_that_are_all_new_are_no_finding() -> None:
    given = orders(1)
    said = pl.Series([f"order {row} came after some days" for row in range(given.frame.height)])
    assert "extrapolation.unseen:shop" not in alarms(with_values(given, "shop", said))


@pytest.mark.promise("checks.extrapolation")
def test_a_label_with_a_trend_is_told() -> None:
    given = orders(1, task="regression")
    rising = given.target + np.linspace(0, 12, len(given.target))
    assert "extrapolation.trend" in alarms(changed(given, target=rising), off=("leak",))


@pytest.mark.promise("checks.missing")
def test_emptiness_that_tells_the_label_is_told() -> None:
    given = orders(1)
    random = np.random.default_rng(3)
    is_empty = random.random(given.frame.height) < np.where(given.target > 0, 0.7, 0.1)
    asked = pl.Series(np.where(is_empty, np.nan, 1.0 * random.integers(0, 5, len(is_empty)))).fill_nan(None)

    finding = alarms(with_values(given, "income", asked))["missing.informative:income"]

    assert float(str(finding.evidence["empty"])) > 2 * float(str(finding.evidence["filled"]))


@pytest.mark.promise("checks.missing")
def test_a_column_that_has_gone_silent_is_told() -> None:
    given = orders(1)
    late = np.arange(given.frame.height) > 0.85 * given.frame.height
    silent = pl.Series(np.where(late, np.nan, given.frame["amount"].to_numpy())).fill_nan(None)

    assert "missing.recent:amount" in alarms(with_values(given, "amount", silent))


@pytest.mark.promise("checks.missing")
def test_a_model_without_an_answer_for_an_empty_column_blocks() -> None:
    given = orders(1)

    def ask(frame: pl.DataFrame) -> np.ndarray:
        amounts = frame["amount"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.asarray(1 / (1 + np.exp(-amounts)))

    found = run_checks(changed(given, ask=ask))
    assert [one.key for one in found if one.severity == "blocking"] == ["missing.unanswered:amount"]
    filled = run_checks(changed(given, ask=lambda frame: np.nan_to_num(ask(frame), nan=0.3)))
    assert [one.key for one in filled if one.name.startswith("missing")] == ["missing.fragile:amount"]


@pytest.mark.promise("checks.missing")
def test_a_model_that_refuses_empty_columns_is_not_asked_about_them() -> None:
    given = orders(1)

    def ask(frame: pl.DataFrame) -> np.ndarray:
        assert frame["amount"].null_count() == 0
        return np.full(frame.height, 0.3)

    found = run_checks(changed(given, ask=ask, facts={"refuses_null": ["amount"]}))
    assert [one.key for one in found if one.name.startswith("missing.")][:1] == ["missing.refused"]
    assert not [one for one in found if one.severity == "blocking"]


@pytest.mark.promise("checks.fairness")
def test_groups_that_are_chosen_and_hit_differently_are_named() -> None:
    given = orders(1)
    assert given.scores is not None
    women = (given.frame["sex"][given.test] == "f").to_numpy()

    found = run_checks(changed(given, scores=np.where(women, given.scores * 0.5, given.scores)))

    gaps = [one for one in found if one.key == "fairness.gap:sex"]
    assert {one.evidence["measure"] for one in gaps} >= {"selection rate", "true positive rate"}
    assert all(float(str(one.evidence["low"])) < float(str(one.evidence["high"])) < 0 for one in gaps)


@pytest.mark.promise("checks.contamination")
def test_things_on_both_sides_of_a_random_split_are_named() -> None:
    given = changed(orders(1), data=DataConfig(label="y", split=SplitConfig(by="random")), blocks=None)
    random = np.random.default_rng(5)
    customers = random.integers(0, 600, given.frame.height)
    habit = random.normal(size=600)[customers]
    target = (habit + 0.5 * random.normal(size=len(habit)) > 0.5).astype(float)

    contaminated = changed(with_values(given, "customer", pl.Series(customers)), target=target)

    assert "contamination.group:customer" in alarms(contaminated)
    assert not [key for key in alarms(with_values(given, "customer", pl.Series(customers))) if "group" in key]


@pytest.mark.promise("checks.contamination", "checks.quiet")
@pytest.mark.parametrize("seed", range(5))
def test_a_count_that_tells_the_label_names_no_things(seed: int) -> None:
    given = changed(orders(1), data=DataConfig(label="y", split=SplitConfig(by="random")), blocks=None)
    random = np.random.default_rng(seed)
    counts = random.poisson(np.exp(random.normal(4, 1, given.frame.height)))
    target = (np.log1p(counts) + 0.3 * random.normal(size=len(counts)) > 4.5).astype(float)
    counted = changed(with_values(given, "items", pl.Series(counts)), target=target)
    assert not [key for key in alarms(counted) if "group" in key]


@pytest.mark.promise("checks.copies", "checks.quiet")
def test_rows_of_few_coarse_columns_meet_by_chance() -> None:
    given = orders(1, rows=10_000)
    amounts = given.frame["amount"].to_numpy().round(2)
    coarse = with_values(
        given, "amount", pl.Series(amounts + np.random.default_rng(2).uniform(0, 0.009, 10_000))
    )
    few = tuple(one for one in coarse.inputs if one.name in ("amount", "visits", "shop"))
    assert not [key for key in alarms(changed(coarse, inputs=few)) if key.startswith("duplicates")]


@pytest.mark.promise("checks.copies")
def test_equal_rows_with_other_labels_and_near_copies_are_told() -> None:
    given = orders(1)
    inputs = [column.name for column in given.inputs]
    frame, target = given.frame, given.target.copy()
    target[1_000:1_080] = 1 - target[:80]
    doubled = pl.concat([frame[:1_000], frame[:80], frame[1_080:]])
    near = doubled.with_columns(pl.col("amount") * (1 + 1e-6))

    found = alarms(changed(given, frame=doubled, target=target))
    assert "duplicates.conflict" in found
    crossed = pl.concat([frame[: len(given.train)], near[:300], frame[len(given.train) + 300 :]])
    across = alarms(changed(given, frame=crossed.select("at", *inputs, "y")))["duplicates.across"]
    assert float(str(across.evidence["near"])) >= 250 > float(str(across.evidence["exact"]))


def test_every_check_can_be_turned_off_by_its_name() -> None:
    assert set(CHECKS) == set(get_args(CheckName))
    assert run_checks(orders(1), off=get_args(CheckName)) == []
