"""Slices name the parts of the rows on which a model is worse, and stay quiet when there are none."""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.evaluation import evaluate_slices


def rows(count: int = 6_000, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "shop": rng.choice(["a", "b", "c"], count),
            "is_new": rng.random(count) < 0.5,
            "amount": rng.normal(size=count),
            "customer": rng.integers(0, 1_000, count),
        }
    )
    y = (rng.random(count) < 0.3).astype(float)
    return frame, y, np.clip(0.3 + 0.4 * (y - 0.3) + rng.normal(size=count) / 4, 0, 1)


def test_a_part_in_which_scores_are_noise_is_the_first_weak_slice() -> None:
    frame, y, p = rows()
    broken = (frame["shop"] == "b").to_numpy()
    p[broken] = np.random.default_rng(2).permutation(p[broken])
    found = evaluate_slices("auc", frame, y, p, columns=frame.columns)
    assert [(part.column, part.value) for part in found if part.is_weak] == [("shop", "b")]
    assert {part.column for part in found} == {"shop", "is_new"}
    assert found[0].rows == int(broken.sum())
    assert abs(found[0].metric.value - 0.5) < 0.05


def test_a_loss_is_weak_where_it_is_high() -> None:
    frame, y, p = rows()
    broken = frame["is_new"].to_numpy()
    p[broken] = 1 - p[broken]
    weak = [part for part in evaluate_slices("log_loss", frame, y, p, columns=frame.columns) if part.is_weak]
    assert [(part.column, part.value) for part in weak] == [("is_new", "true")]


def test_equal_parts_are_seldom_weak() -> None:
    tables = 0
    for seed in range(40):
        frame, y, p = rows(2_000, seed)
        found = evaluate_slices("auc", frame, y, p, columns=frame.columns)
        assert len(found) == 5
        tables += any(part.is_weak for part in found)
    assert tables <= 4  # of 40; 5 % of tables may have one


def test_small_parts_and_parts_of_one_class_are_left_out() -> None:
    frame, y, p = rows(500)
    y[(frame["shop"] == "a").to_numpy()] = 0.0
    found = evaluate_slices("auc", frame, y, p, columns=["shop", "is_new"])
    assert {part.column for part in found} == {"is_new"}
