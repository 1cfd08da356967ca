"""Reference cells hold every training row once, so that monitors compare like with like."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.packaging.reference import CELLS, LEVELS, build_reference


def cells(values: pl.Series, kind: str) -> dict[str, list[float]]:
    column = Column(values.name, kind)  # type: ignore[arg-type]  # a column type
    made = build_reference(values.to_frame(), [column], np.zeros(1), {})
    found = made["columns"]
    assert isinstance(found, list)
    return dict(found[0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pl.Series("x", np.random.default_rng(1).normal(size=1_000)), "number"),
        (pl.Series("x", [1, 1, 1, 2, None]), "integer"),
        (pl.Series("x", [None, None], dtype=pl.Float64), "number"),
        (pl.Series("x", [0.0, float("nan"), float("inf"), -float("inf")]), "number"),
        (pl.Series("x", ["a", "b", "a", None]), "string"),
        (pl.Series("x", [True, None, False, True]), "boolean"),
        (pl.Series("x", [f"level {n % 100}" for n in range(1_000)]), "string"),
        (
            pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 2, 1), "1h", eager=True).alias("x"),
            "timestamp",
        ),
    ],
)
def test_every_row_is_in_one_cell(values: pl.Series, kind: str) -> None:
    found = cells(values, kind)
    assert sum(found["counts"]) == len(values)
    if "edges" in found:
        assert len(found["counts"]) == len(found["edges"]) + 2
        assert len(found["edges"]) < CELLS
        assert found["edges"] == sorted(set(found["edges"]))
    else:
        assert len(found["counts"]) == len(found["levels"]) + 3
        assert len(found["levels"]) <= LEVELS


def test_a_cell_ends_with_its_edge_and_the_last_one_is_null() -> None:
    found = cells(pl.Series("x", [1, 1, 1, 2, 3, None]), "integer")
    assert found["edges"] == [1.0, 2.0, 3.0]
    assert found["counts"] == [3, 1, 1, 0, 1]


def test_levels_beyond_the_most_frequent_are_others() -> None:
    texts = [f"common {n % LEVELS}" for n in range(10 * LEVELS)] + [f"rare {n}" for n in range(7)] + [None]
    found = cells(pl.Series("x", texts), "string")
    assert all(str(level).startswith("common") for level in found["levels"])
    assert found["counts"][-3:] == [7, 0, 1]


def test_scores_have_cells_and_quality_is_kept() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0]})
    scores = np.linspace(0, 1, 320)
    made = build_reference(frame, [Column("x", "number")], scores, {"rows": 320.0, "errors": 4.0})
    assert made["rows"] == 2
    assert made["quality"] == {"rows": 320.0, "errors": 4.0}
    score = made["score"]
    assert isinstance(score, dict)
    assert sum(score["counts"]) == 320
    assert set(score["counts"][:-1]) == {10}
