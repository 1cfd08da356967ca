"""Whatever the table: no fold validates on what it could know while training."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.data import labels_known_at, make_folds
from mlwright.errors import ConfigError, TooFewRows
from mlwright.project import DataConfig, SplitConfig

SEEDS = st.integers(0, 1000)
DAY = 86_400_000_000


@pytest.mark.promise("train.folds")
@settings(deadline=None, max_examples=40)
@given(hours=st.lists(st.integers(0, 900) | st.none(), min_size=80, max_size=200), delay=st.integers(0, 4))
def test_forward_folds_train_before_they_validate_and_after_labels_were_known(
    hours: list[int | None], delay: int
) -> None:
    start = pl.lit("2024-01-01").str.to_datetime()
    frame = pl.DataFrame({"h": pl.Series(hours, dtype=pl.Int64)}).select(t=start + pl.duration(hours="h"))
    data = DataConfig(time="t", split=SplitConfig(by="t"), label_delay_days=float(delay))
    try:
        made = make_folds(frame, np.zeros(len(hours)), data, task="regression", seed=1)
    except TooFewRows:
        return
    if made.kind != "forward":
        assert frame["t"].n_unique() <= 2
        return
    for fold in made.folds:
        gap = frame["t"][fold.valid].min() - frame["t"][fold.train].max()  # type: ignore[operator]
        assert gap.total_seconds() > delay * 86_400


@pytest.mark.promise("train.folds")
@settings(deadline=None, max_examples=40)
@given(groups=st.lists(st.sampled_from("abcdefghijkl"), min_size=80, max_size=200), seed=SEEDS)
def test_group_folds_keep_groups_whole(groups: list[str], seed: int) -> None:
    frame = pl.DataFrame({"g": groups})
    data = DataConfig(group="g", split=SplitConfig(by="g"))
    try:
        made = make_folds(frame, np.zeros(len(groups)), data, task="regression", seed=seed)
    except TooFewRows:
        return
    for fold in made.folds:
        assert not set(frame["g"][fold.train]) & set(frame["g"][fold.valid])
        assert len(fold.train) + len(fold.valid) == len(groups)


@pytest.mark.promise("train.folds")
@settings(deadline=None, max_examples=40)
@given(rows=st.integers(80, 300), copies=st.integers(0, 12), seed=SEEDS)
def test_random_folds_keep_copies_together_whatever_their_label_and_classes_in_shares(
    rows: int, copies: int, seed: int
) -> None:
    numbers = np.arange(rows)
    numbers[:copies] = numbers[copies : 2 * copies]
    target = (np.arange(rows) % 4 == 0).astype(float)
    frame = pl.DataFrame({"x": numbers, "y": target})
    made = make_folds(frame, target, DataConfig(label="y"), task="binary", seed=seed)
    assert made.kind == "stratified"
    seen = np.concatenate([fold.valid for fold in made.folds])
    assert sorted(seen.tolist()) == list(range(rows))
    for fold in made.folds:
        assert not set(numbers[fold.train]) & set(numbers[fold.valid])
        assert abs(target[fold.valid].mean() - 0.25) < 0.2


@pytest.mark.promise("train.arrival")
def test_positives_count_when_they_arrive_and_young_negatives_weigh_less() -> None:
    frame = pl.DataFrame({"t": [0, 0, 0, 90, 95], "told": [10, 40, 200, None, 96]})
    target = np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    data = DataConfig(time="t", label_time="told", unlabelled="negative")
    known = labels_known_at(frame, target, data, 100)
    assert known.target.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert known.weight.tolist() == pytest.approx([1.0, 1.0, 1.0, 2 / 3, 1.0])
    dropped = labels_known_at(frame, target, DataConfig(time="t", label_time="told"), 100)
    assert dropped.weight.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]


@pytest.mark.promise("train.arrival")
def test_a_fold_with_arrival_times_names_its_moment_and_validates_on_mature_rows() -> None:
    frame = pl.DataFrame({"t": range(100), "told": range(10, 110)})
    data = DataConfig(time="t", label_time="told", label_delay_days=10, split=SplitConfig(by="t"))
    made = make_folds(frame, np.zeros(100), data, task="regression", seed=1)
    assert [fold.known_at for fold in made.folds] == [57, 67, 78]
    assert max(fold.valid.max() for fold in made.folds) <= 89


def test_weights_are_numbers_from_zero_up() -> None:
    frame = pl.DataFrame({"w": [1.0, -1.0]})
    with pytest.raises(ConfigError, match="weights in 'w'"):
        labels_known_at(frame, np.zeros(2), DataConfig(weight="w"), None)


def test_a_large_table_has_one_fold_and_a_small_one_five() -> None:
    for rows, folds in ((100_001, 1), (20_000, 3), (1_500, 5)):
        frame = pl.DataFrame({"x": range(rows)})
        made = make_folds(frame, np.arange(rows, dtype=float), DataConfig(), task="regression", seed=3)
        assert len(made.folds) == folds
