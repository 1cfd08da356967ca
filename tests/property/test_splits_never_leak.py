"""Whatever the table: nothing of the held-out rows is among the training rows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.data import split_rows
from mlwright.data.split import Split
from mlwright.errors import TooFewRows
from mlwright.project import DataConfig, SplitConfig

SHARES = st.floats(0.05, 0.6)
SEEDS = st.integers(0, 1000)


def rows_of(split: Split, rows: int) -> tuple[set[int], set[int]]:
    train, test = set(split.train.tolist()), set(split.test.tolist())
    assert not train & test
    assert train | test <= set(range(rows))
    assert len(train) == len(split.train)
    assert len(test) == len(split.test)
    return train, test


@pytest.mark.promise("run.split")
@settings(deadline=None, max_examples=60)
@given(
    hours=st.lists(st.integers(0, 400) | st.none(), min_size=60, max_size=200),
    share=SHARES,
    delay=st.integers(0, 6),
    test_days=st.none() | st.integers(1, 8),
)
def test_by_time_the_future_is_held_out_and_labels_were_known(
    hours: list[int | None], share: float, delay: int, test_days: int | None
) -> None:
    start = pl.lit("2024-01-01").str.to_datetime()
    frame = pl.DataFrame({"h": pl.Series(hours, dtype=pl.Int64)}).select(ts=start + pl.duration(hours="h"))
    data = DataConfig(
        time="ts",
        split=SplitConfig(by="ts", test_share=share, test_days=test_days),
        label_delay_days=float(delay),
    )
    try:
        split = split_rows(frame, data, task="regression", seed=1)
    except TooFewRows:
        return
    rows_of(split, frame.height)
    times = frame["ts"]
    assert times[split.train].null_count() == times[split.test].null_count() == 0
    last, first = times[split.train].max(), times[split.test].min()
    assert first - last > timedelta(days=delay)  # type: ignore[operator]
    kept = set(split.test.tolist())
    assert all((i in kept) == (t is not None and t >= first) for i, t in enumerate(times))


@pytest.mark.promise("run.split")
@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(st.sampled_from([*"abcdefghijklmnop"]) | st.none(), min_size=60, max_size=200),
    share=SHARES,
    seed=SEEDS,
)
def test_by_group_no_group_is_on_both_sides(groups: list[str | None], share: float, seed: int) -> None:
    frame = pl.DataFrame({"g": pl.Series(groups, dtype=pl.String)})
    data = DataConfig(group="g", split=SplitConfig(by="g", test_share=share))
    try:
        split = split_rows(frame, data, task="regression", seed=seed)
    except TooFewRows:
        return
    train, test = rows_of(split, frame.height)
    assert train | test == set(range(frame.height))
    named = (set(frame["g"][side].drop_nulls()) for side in (split.train, split.test))
    assert not set.intersection(*named)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(60, 400), copies=st.integers(0, 10), share=SHARES, seed=SEEDS, rare=st.integers(5, 30)
)
def test_at_random_copies_stay_together_and_classes_keep_their_shares(
    rows: int, copies: int, share: float, seed: int, rare: int
) -> None:
    numbers = np.arange(rows)
    numbers[:copies] = numbers[copies : 2 * copies]
    labels = np.where(numbers % rare == 0, "yes", "no")
    frame = pl.DataFrame({"x": numbers, "y": labels})
    data = DataConfig(label="y", split=SplitConfig(test_share=share))
    try:
        split = split_rows(frame, data, task="binary", seed=seed)
    except TooFewRows:
        return
    train, test = rows_of(split, rows)
    assert train | test == set(range(rows))
    assert not set(numbers[split.train]) & set(numbers[split.test])
    for label in ("yes", "no"):
        held = (labels[split.test] == label).sum()
        assert abs(held - share * (labels == label).sum()) <= 2.5


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_the_same_seed_gives_the_same_split(seed: int) -> None:
    frame = pl.DataFrame({"x": range(100), "y": [0, 1] * 50})
    data = DataConfig(label="y")
    first, second = (split_rows(frame, data, task="binary", seed=seed) for _ in range(2))
    assert np.array_equal(first.test, second.test)


def test_a_group_that_was_held_out_stays_so_when_the_table_grows() -> None:
    data = DataConfig(group="g", split=SplitConfig(by="g", test_share=0.2))
    names = [f"c{number}" for number in range(400)]
    first = pl.DataFrame({"g": names[:300] * 3})
    later = pl.DataFrame({"g": names * 5})
    before = set(first["g"].gather(split_rows(first, data, task="binary", seed=7).test))
    after = set(later["g"].gather(split_rows(later, data, task="binary", seed=7).test))
    assert len(before & after) > 0.9 * len(before)
