from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.features import (
    FittedTransform,
    Pair,
    TrainingRows,
    apply_transform,
    fit_linear_transform,
    fit_tree_transform,
    output_names,
)

ROWS = 3_000
RNG = np.random.default_rng(12)
INPUTS = [Column("a", "number"), Column("b", "integer"), Column("shop", "string"), Column("kind", "string")]
FRAME = pl.DataFrame(
    {
        "a": pl.Series(RNG.normal(size=ROWS)),
        "b": pl.Series(RNG.integers(-2, 3, ROWS)),
        "shop": pl.Series(RNG.choice(["x", "y", "z"], ROWS)).replace("z", None),
        "kind": [f"k{number}" for number in RNG.integers(0, 40, ROWS)],
    }
)
PAIRS = (Pair("ratio", "a", "b"), Pair("difference", "a", "b"), Pair("cross", "shop", "kind"))
Y = (RNG.random(ROWS) < 0.3).astype(float)


def fitted(*, is_linear: bool = False) -> FittedTransform:
    rows = TrainingRows(FRAME, Y, "binary", seed=7, pairs=PAIRS, rounding=None)
    return (fit_linear_transform if is_linear else fit_tree_transform)(rows, INPUTS)


def test_ratios_and_differences_are_those_of_numpy() -> None:
    made = fitted().document
    found = apply_transform(made, FRAME, INPUTS)
    names = output_names(made)
    a, b = FRAME["a"].to_numpy(), FRAME["b"].to_numpy().astype(float)
    ratio = np.divide(a, b, out=np.full(ROWS, np.nan), where=b != 0)
    assert np.array_equal(found[:, names.index("a|ratio|b")], ratio, equal_nan=True)
    assert np.array_equal(found[:, names.index("a|difference|b")], a - b)


def test_a_cross_is_the_mean_where_two_levels_come_together() -> None:
    made = fitted()
    place = output_names(made.document).index("shop|cross|kind~mean")
    asked = pl.DataFrame(
        {"a": [0.0] * 3, "b": [1] * 3, "shop": ["x", None, "new"], "kind": ["k3", "k4", "k3"]},
        schema=FRAME.schema,
    )
    found = apply_transform(made.document, asked, INPUTS)[:, place]
    for row, (shop, kind) in enumerate([("x", "k3"), (None, "k4")]):
        here = (
            FRAME["shop"].eq_missing(pl.Series([shop], dtype=pl.String)) & (FRAME["kind"] == kind)
        ).to_numpy()
        wanted = (Y[here].sum() + 10 * Y.mean()) / (here.sum() + 10)
        assert abs(found[row] - wanted) < 1e-12
    assert found[2] == Y.mean()


def test_a_cross_does_not_contain_a_rows_own_target() -> None:
    made = fitted()
    place = output_names(made.document).index("shop|cross|kind~mean")
    honest = made.training_matrix(FRAME, INPUTS)[:, place]
    naive = apply_transform(made.document, FRAME, INPUTS)[:, place]
    assert abs(np.corrcoef(honest, Y)[0, 1]) < 0.08
    assert np.corrcoef(naive, Y)[0, 1] > 0.1


def test_a_linear_model_reads_pairs_as_finite_scaled_numbers() -> None:
    made = fitted(is_linear=True)
    names = output_names(made.document)
    matrix = made.training_matrix(FRAME, INPUTS)
    assert np.isfinite(matrix).all()
    for name in ("a|ratio|b|scaled", "a|difference|b|scaled"):
        assert abs(matrix[:, names.index(name)].std() - 1) < 1e-9
    assert "shop|cross|kind~mean|scaled" in names
