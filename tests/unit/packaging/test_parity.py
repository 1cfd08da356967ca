"""The parity gate looks where conversions go wrong, and says on which row they did."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.errors import ParityFailed
from mlwright.features import TrainingRows, fit_tree_transform
from mlwright.packaging.parity import check_parity, edge_frame

COLUMNS = [
    Column("amount", "number"),
    Column("visits", "integer"),
    Column("shop", "string"),
    Column("is_new", "boolean"),
    Column("at", "timestamp"),
]


def table(rows: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(2)
    return pl.DataFrame(
        {
            "amount": rng.normal(size=rows),
            "visits": rng.integers(0, 9, rows),
            "shop": rng.choice(["deli", "mall"], rows),
            "is_new": rng.random(rows) < 0.5,
            "at": pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 6, 1), "1h", eager=True)
            .dt.cast_time_unit("us")
            .head(rows),
        }
    )


@pytest.mark.promise("run.parity")
def test_edge_rows_are_null_unseen_empty_extreme_and_a_hair_from_thresholds() -> None:
    frame = table()
    transform = fit_tree_transform(TrainingRows(frame, np.zeros(300), "binary", seed=7), COLUMNS).document
    edges = edge_frame(frame, COLUMNS, {0: [0.25]}, transform, rows=2_000, seed=7)
    assert (edges.height, edges.columns) == (2_000, frame.columns)
    assert all(edges[column.name].null_count() for column in COLUMNS)
    assert {"", "\u2603 never seen"} < set(edges["shop"].drop_nulls())
    near = {0.25, np.nextafter(0.25, np.inf), np.nextafter(0.25, -np.inf)}
    assert near | {1e300, -1e300, 5e-324} < set(edges["amount"].drop_nulls())


@pytest.mark.promise("run.parity")
def test_a_difference_names_the_worst_row_and_its_columns() -> None:
    frame = table()
    scores = np.linspace(0, 1, 300)
    off = scores.copy()
    off[299] += 2e-3
    off[4] += 1e-3
    with pytest.raises(ParityFailed) as caught:
        check_parity(scores, off, edge_rows=10, threshold=None, what="m", rows=frame)
    said = str(caught.value)
    assert "edge row 299" in said
    assert f"shop={frame['shop'][299]}" in said
    assert f"visits={frame['visits'][299]}" in said


def test_a_flipped_label_is_worse_than_a_larger_difference() -> None:
    trained = np.array([0.1, 0.5, 0.9])
    packaged = np.array([0.1, 0.5 - 1e-12, 0.9 + 1e-8])
    with pytest.raises(ParityFailed, match=r"1 labels flip, worst on row 1"):
        check_parity(trained, packaged, edge_rows=0, threshold=0.5, what="m")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_a_difference(wrong: float) -> None:
    trained = np.array([[0.2, 0.8], [0.6, 0.4]])
    packaged = trained.copy()
    packaged[1, 0] = wrong
    with pytest.raises(ParityFailed, match="row 1"):
        check_parity(trained, packaged, edge_rows=0, threshold=None, what="m")


def test_large_values_may_differ_in_proportion() -> None:
    trained = np.array([1e6, 2e6])
    report = check_parity(trained, trained + 0.1, edge_rows=1, threshold=None, what="m")
    assert (report.rows, report.edge_rows, report.label_flips) == (1, 1, 0)
    assert report.largest_difference == pytest.approx(1e-7)
