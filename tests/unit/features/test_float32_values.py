"""Models see float32 values: computed exactly, rounded last, and without making different numbers equal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import (
    FittedTransform,
    Pair,
    TrainingRows,
    apply_transform,
    fit_linear_transform,
    fit_numeric_transform,
    fit_tree_transform,
    merge_documents,
    output_names,
)
from mlwright.project import Task

ROWS = 1_200
LARGEST = float(np.finfo(np.float32).max)
FITS = [fit_tree_transform, fit_numeric_transform, fit_linear_transform]
PAIRS = (
    Pair("ratio", "amount", "items"),
    Pair("difference", "amount", "items"),
    Pair("cross", "shop", "who"),
)
INPUTS = [
    Column("amount", "number"),
    Column("items", "integer"),
    Column("shop", "string"),
    Column("who", "string"),
    Column("said", "string"),
    Column("born", "timestamp"),
    Column("at", "timestamp"),
]
Fit = Callable[[TrainingRows, list[Column]], FittedTransform]


def table() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    words = rng.choice(
        ["good", "bad", "very", "not", "so", "soap", "bread", "milk", "late", "early"], (ROWS, 9)
    )
    return pl.DataFrame(
        {
            "amount": pl.Series(rng.normal(20, 5, ROWS).tolist()).set(
                pl.Series(rng.random(ROWS) < 0.1), None
            ),
            "items": rng.integers(0, 9, ROWS),
            "shop": rng.choice(["a", "b", "c"], ROWS),
            "who": [f"p{number}" for number in rng.integers(0, 400, ROWS)],
            "said": [" ".join(row) + f" {number}" for number, row in enumerate(words)],
            "born": pl.Series(rng.integers(-(10**15), 10**15, ROWS)).cast(pl.Datetime("us")),
            "at": pl.Series(rng.integers(10**15, 2 * 10**15, ROWS)).cast(pl.Datetime("us")),
        }
    )


def single(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -LARGEST, LARGEST).astype(np.float32).astype(np.float64)


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_output_is_computed_in_float64_and_rounded_last(fit: Fit, task: Task) -> None:
    frame = table()
    signal = (frame["said"].str.count_matches("good") + frame["items"] / 9).to_numpy()
    target = {"binary": signal > 1.5, "multiclass": np.digitize(signal, [1, 2]), "regression": signal}[task]
    rows = TrainingRows(frame, target.astype(float), task, seed=7, pairs=PAIRS)
    exact = TrainingRows(frame, target.astype(float), task, seed=7, pairs=PAIRS, rounding=None)
    rounded, plain = fit(rows, INPUTS), fit(exact, INPUTS)
    assert {**plain.document, "rounding": "float32"} == rounded.document
    assert {"ratio", "difference", "cross", "age", "text", "time"} <= {
        output["op"] for output in rounded.document["outputs"]
    }
    for made, wanted in (
        (apply_transform(document, frame, INPUTS) for document in (rounded.document, plain.document)),
        (fitted.training_matrix(frame, INPUTS) for fitted in (rounded, plain)),
    ):
        assert np.array_equal(made, single(wanted), equal_nan=True)
        assert not np.array_equal(made, wanted, equal_nan=True)


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("fit", FITS)
def test_a_row_from_the_server_has_the_bits_of_the_training_rows(fit: Fit) -> None:
    frame = table().select("amount", "items", "shop")
    inputs = [column for column in INPUTS if column.name in frame.columns]
    fitted = fit(TrainingRows(frame, np.arange(ROWS) % 2.0, "binary", seed=7), inputs)
    matrix = fitted.training_matrix(frame, inputs)
    for row in range(0, ROWS, 97):
        alone = apply_transform(fitted.document, frame[row : row + 1], inputs)[0]
        assert np.array_equal(alone, matrix[row], equal_nan=True)


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("fit", FITS)
def test_what_is_beyond_float32_becomes_its_largest_number_and_null_stays(fit: Fit) -> None:
    columns = [Column("amount", "number")]
    frame = pl.DataFrame({"amount": [1.0, 2.0, 4.0, None] * 50})
    fitted = fit(TrainingRows(frame, np.zeros(200), "binary", seed=7), columns)
    odd = pl.DataFrame({"amount": [1e300, -1e300, LARGEST, 5e-324, None]})
    found = apply_transform(fitted.document, odd, columns)[:, 0]
    assert found[:2].tolist() == [LARGEST, -LARGEST]
    is_scaled = fit is fit_linear_transform
    assert np.isfinite(found[2:4]).all()
    assert np.isnan(found[4]) != is_scaled


def dates(rng: np.random.Generator) -> np.ndarray:
    days = [
        10_000 * year + 100 * month + day
        for year in (2023, 2024)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    return rng.choice(np.array(days, dtype=float), ROWS)


FAR = {
    "seconds of an hour": lambda rng: 1_700_000_000.0 + rng.integers(0, 3_600, ROWS),
    "milliseconds of a day": lambda rng: 1_700_000_000_000.0 + rng.integers(0, 86_400_000, ROWS),
    "days as numbers": dates,
    "money in cents": lambda rng: 5e9 + rng.integers(0, 400, ROWS),
    "two numbers": lambda rng: 1e9 + (rng.random(ROWS) < 0.02),
    "with zeros for missing": lambda rng: np.where(
        rng.random(ROWS) < 0.3, 0, 1.7e9 + rng.integers(0, 99, ROWS)
    ),
    "huge": lambda rng: 1e300 * rng.normal(size=ROWS),
    "tiny": lambda rng: 1e-42 * rng.normal(size=ROWS),
}


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("name", FAR)
def test_numbers_that_rounding_would_make_equal_stay_apart_and_in_order(name: str) -> None:
    values = FAR[name](np.random.default_rng(3))
    column = [Column("x", "number")]
    for has_null in (False, True):
        frame = pl.DataFrame({"x": [*values, *([None] * has_null)]})
        fitted = fit_tree_transform(TrainingRows(frame, np.zeros(frame.height), "binary", seed=7), column)
        found = apply_transform(fitted.document, frame, column)[:, 0]
        known = np.sort(found[:ROWS])
        assert len(np.unique(single(values))) < 0.9 * len(np.unique(values))
        assert len(np.unique(known)) > 0.99 * len(np.unique(values))
        assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()
        if has_null:
            assert found[ROWS] < known[0]


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).normal(100, 15, 50_000),
        np.random.default_rng(1).integers(0, 10**9, 50_000),  # ids: as fine as any tree can ask
        np.array([1e9 + 1] * 50),
        np.array([np.nan, 1.0, 2.0**24]),
        np.array([np.nan]),
        np.array([5e-324, 0.0]),
    ],
)
def test_a_number_is_read_as_it_is_where_rounding_tells_it_from_others(values: np.ndarray) -> None:
    frame, column = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}), [Column("x", "number")]
    fitted = fit_tree_transform(TrainingRows(frame, np.zeros(len(values)), "binary", seed=7), column)
    assert fitted.document["outputs"][0] == {"name": "x", "op": "number", "column": "x"}


@pytest.mark.promise("train.float32")
def test_means_of_a_target_that_is_far_from_zero_stay_apart() -> None:
    frame = pl.DataFrame({"who": [f"p{number}" for number in np.arange(ROWS) % 300]})
    target = 1_700_000_000.0 + np.arange(ROWS) % 300
    rows = TrainingRows(frame, target, "regression", seed=7)
    fitted = fit_tree_transform(rows, [Column("who", "string")])
    place = output_names(fitted.document).index("who~mean")
    found = apply_transform(fitted.document, frame.head(300), [Column("who", "string")])[:, place]
    assert (np.diff(found) > 0).all()


def test_outputs_that_are_rounded_are_not_merged_with_others() -> None:
    frame, column = pl.DataFrame({"x": [1.0, 2.0]}), [Column("x", "number")]
    one, other = (
        fit_tree_transform(
            TrainingRows(frame, np.zeros(2), "binary", seed=7, rounding=rounding), column
        ).document
        for rounding in ("float32", None)
    )
    with pytest.raises(ValueError, match="round"):
        merge_documents([one, other])
