"""A float64 threshold decides for every double as float32 rounding and the library's comparison do."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.packaging.rounding import float32_below, float32_bounds

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)


def floats() -> np.ndarray:
    """Random bit patterns of float32, and where its spacing changes or ends."""
    patterns = np.random.default_rng(1).integers(0, 2**32, 50_000, dtype=np.uint32)
    drawn = patterns.view(np.float32)
    drawn = drawn[np.isfinite(drawn)].astype(np.float64)
    powers = np.array([2.0**power for power in range(-149, 128)])
    special = np.array([0.0, -0.0, SMALLEST, -SMALLEST, LARGEST, -LARGEST])
    return np.concatenate([drawn, powers, -powers, special])


def doubles() -> np.ndarray:
    """Thresholds that are no float32, as scikit-learn has them, huge and tiny ones too."""
    rng = np.random.default_rng(2)
    near = floats()
    between = near * (1 + 1.2e-7 * rng.random(len(near)))
    return np.concatenate([between, [1e300, -1e300, 5e-324, -5e-324, np.inf]])


def to_float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


@pytest.mark.promise("import.float32")
@pytest.mark.parametrize("is_strict", [True, False])
def test_the_bound_is_the_last_double_that_the_library_sends_left(*, is_strict: bool) -> None:
    thresholds = np.concatenate([floats(), doubles()])
    bounds = float32_bounds(thresholds, is_strict=is_strict)
    compare = np.less if is_strict else np.less_equal
    assert compare(to_float32(bounds), thresholds).all()
    finite = bounds < np.inf
    following = np.nextafter(bounds[finite], np.inf)
    assert not compare(to_float32(following), thresholds[finite]).any()


def neighbours(threshold: float) -> np.ndarray:
    """Doubles around the float32 steps next to a threshold and around the middles between those steps."""
    steps = [np.float32(threshold)]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for direction in (np.float32(np.inf), np.float32(-np.inf)):
            value = steps[0]
            for _ in range(3):
                value = np.nextafter(value, direction)
                steps.append(value)
        near = np.array([float(step) for step in steps])
        rows = np.concatenate([near, ((near[:, None] + near[None, :]) / 2).ravel()])
        rows = np.concatenate([rows, [0.0, -0.0, 1e300, -1e300, 5e-324, np.inf, -np.inf]])
        rows = rows[~np.isnan(rows)]
        return np.concatenate([rows, np.nextafter(rows, np.inf), np.nextafter(rows, -np.inf)])


@pytest.mark.promise("import.float32")
@pytest.mark.parametrize("is_strict", [True, False])
@pytest.mark.parametrize(
    "threshold", [0.0, 1.0, -1.0, SMALLEST, -SMALLEST, LARGEST, -LARGEST, 0.1, float(np.float32(0.1))]
)
def test_every_double_around_a_threshold_is_decided_alike(threshold: float, *, is_strict: bool) -> None:
    compare = np.less if is_strict else np.less_equal
    bound = float32_bounds([threshold], is_strict=is_strict)[0]
    rows = neighbours(threshold)
    assert np.array_equal(rows <= bound, compare(to_float32(rows), threshold))


def test_what_nothing_is_below_has_no_bound() -> None:
    assert np.isnan(float32_bounds([-np.inf, np.nan], is_strict=True)).all()
    assert float32_bounds([np.inf], is_strict=False)[0] == np.inf


def beside(thresholds: np.ndarray) -> np.ndarray:
    """Give the float32 on a threshold, those next to it, and what the doubles beside it round to."""
    nearest = thresholds.astype(np.float32)
    up, down = (np.nextafter(nearest, np.float32(direction)) for direction in (np.inf, -np.inf))
    doubles = [np.nextafter(thresholds, direction) for direction in (np.inf, -np.inf)]
    return np.stack([nearest, up, down, *(to_float32(each) for each in doubles)]).astype(np.float64)


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("is_strict", [False, True])
def test_a_threshold_rounded_down_decides_alike_for_every_float32(is_strict: bool) -> None:
    compare = np.less if is_strict else np.less_equal
    thresholds = np.concatenate([floats(), doubles(), [2.0**128, -(2.0**128)]])
    bounds = float32_below(thresholds, is_strict=is_strict).astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        rows = beside(thresholds)
    assert np.array_equal(to_float32(bounds), bounds)
    assert (bounds <= thresholds).all()
    assert np.array_equal(rows <= bounds, compare(rows, thresholds))
    odd = np.array([np.inf, -np.inf, LARGEST, -LARGEST, SMALLEST, -SMALLEST, 0.0, -0.0])
    assert np.array_equal(odd[:, None] <= bounds, compare(odd[:, None], thresholds))


@pytest.mark.promise("train.float32")
def test_no_float32_is_below_nothing() -> None:
    assert np.isnan(float32_below([np.nan], is_strict=False)).all()
    assert float32_below([-np.inf, -1e300], is_strict=False).tolist() == [-np.inf, -np.inf]
