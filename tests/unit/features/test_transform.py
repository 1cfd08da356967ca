from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from mlwright.data import Column
from mlwright.errors import ColumnMissing, DataError, TooFewRows
from mlwright.features import (
    FittedTransform,
    TrainingRows,
    apply_transform,
    categorical_outputs,
    fit_linear_transform,
    fit_tree_transform,
    native_columns,
    output_names,
)
from mlwright.project import Task

ROWS = 4_000
INPUTS = [
    Column("amount", "number"),
    Column("items", "integer"),
    Column("online", "boolean"),
    Column("shop", "string"),
    Column("person", "string"),
    Column("at", "timestamp"),
]


def table(seed: int = 1) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    amounts = generator.normal(20, 5, ROWS)
    amounts[::10] = np.nan
    moments = np.datetime64("2024-01-01", "us") + generator.integers(0, 30 * 86_400, ROWS).astype(
        "timedelta64[s]"
    )
    return pl.DataFrame(
        {
            "amount": amounts,
            "items": generator.integers(0, 9, ROWS),
            "online": generator.random(ROWS) < 0.5,
            "shop": pl.Series(generator.choice(["a", "b", "c"], ROWS)).replace("c", None),
            "person": [f"p{i}" for i in generator.integers(0, 800, ROWS)],
            "at": moments,
        }
    ).with_columns(pl.col("amount").fill_nan(None))


def trees(
    frame: pl.DataFrame, y: np.ndarray, inputs: list[Column] = INPUTS, task: Task = "binary"
) -> FittedTransform:
    return fit_tree_transform(TrainingRows(frame, y, task, seed=7), inputs)


def target(seed: int = 2) -> np.ndarray:
    return (np.random.default_rng(seed).random(ROWS) < 0.3).astype(float)


def test_trees_read_numbers_levels_statistics_and_parts_of_moments() -> None:
    document = trees(table(), target()).document
    assert output_names(document) == [
        "amount",
        "items",
        "online",
        "shop",
        "person~mean",
        "person~count",
        "at|hour",
        "at|weekday",
        "at|day",
    ]
    assert categorical_outputs(document) == [3]
    assert document["outputs"][3]["levels"] == ["", "a", "b"]


def test_no_output_tells_a_tree_when_it_is() -> None:
    long = table().with_columns(pl.col("at") + pl.duration(days=pl.int_range(ROWS) // 4))
    parts = [output.get("part") for output in trees(long, target()).document["outputs"]]
    assert "month" in parts
    assert not {"epoch_days", "yearday"} & set(parts)


def test_the_compiled_core_computes_what_the_document_says() -> None:
    frame = table()
    document = trees(frame, target()).document
    unseen = frame.head(3).with_columns(
        pl.Series("shop", ["z", None, "b"]), pl.Series("person", ["new", None, "p1"])
    )
    matrix = apply_transform(document, unseen, INPUTS)
    names = output_names(document)
    assert matrix[:, names.index("shop")].tolist() == [-1, 0, 2]
    assert matrix[0, names.index("person~mean")] == pytest.approx(target().mean())
    assert matrix[0, names.index("person~count")] == 0
    count = frame.filter(pl.col("person") == "p1").height
    assert matrix[2, names.index("person~count")] == pytest.approx(np.log1p(count))
    known = (frame["person"] == "p1").to_numpy()
    smoothed = (target()[known].sum() + 10 * target().mean()) / (count + 10)
    assert matrix[2, names.index("person~mean")] == pytest.approx(smoothed)
    hours = unseen["at"].dt.hour().to_list()
    assert matrix[:, names.index("at|hour")].tolist() == hours
    assert np.isnan(matrix[:, 0]).tolist() == unseen["amount"].is_null().to_list()


def test_linear_models_read_finite_scaled_numbers() -> None:
    frame = table()
    late = np.where(frame["amount"].is_null(), 1.0, target())
    fitted = fit_linear_transform(TrainingRows(frame, late, "binary", seed=7, rounding=None), INPUTS)
    document, matrix = fitted.document, fitted.training_matrix(frame, INPUTS)
    names = output_names(document)
    assert {"amount|scaled", "amount|null", "shop=", "shop=a", "person~mean|scaled", "at|hour|scaled"} <= set(
        names
    )
    assert "items|null" not in names
    assert np.isfinite(matrix).all()
    scaled = [place for place, name in enumerate(names) if name.endswith("|scaled") and "~mean" not in name]
    assert np.abs(matrix[:, scaled].mean(axis=0)).max() < 1e-9
    assert np.abs(matrix[:, scaled].std(axis=0) - 1).max() < 1e-9
    empty = pl.DataFrame({c.name: [None] for c in INPUTS}, schema=frame.schema)
    assert np.isfinite(apply_transform(document, empty, INPUTS)).all()


def test_several_classes_get_a_mean_each() -> None:
    classes = np.random.default_rng(3).integers(0, 3, ROWS).astype(float)
    fitted = fit_tree_transform(TrainingRows(table(), classes, "multiclass", seed=7, rounding=None), INPUTS)
    document = fitted.document
    means = [name for name in output_names(document) if name.startswith("person~mean")]
    assert means == ["person~mean0", "person~mean1", "person~mean2"]
    matrix = fitted.training_matrix(table(), INPUTS)
    places = [output_names(document).index(name) for name in means]
    assert np.abs(matrix[:, places].sum(axis=1) - 1).max() < 1e-9


def test_the_training_matrix_does_not_contain_a_rows_own_target() -> None:
    """A label of pure noise must not look predictable from a text of many levels."""
    frame, inputs = table().select("person"), [Column("person", "string")]
    y, noise = target(), target(seed=9)
    fitted = trees(frame, y, inputs)
    honest = fitted.training_matrix(frame, inputs)[:, 0]
    naive = apply_transform(fitted.document, frame, inputs)[:, 0]
    assert abs(np.corrcoef(honest, y)[0, 1]) < 0.06
    assert np.corrcoef(naive, y)[0, 1] > 0.3
    assert abs(np.corrcoef(naive, noise)[0, 1]) < 0.06


def test_a_columns_name_says_nothing_about_its_outputs() -> None:
    names = {"person": "x~mean", "amount": "a~mean|scaled"}
    frame, y = table().select("person", "amount").rename(names), target()
    inputs = [Column("x~mean", "string"), Column("a~mean|scaled", "number")]
    fitted = trees(frame, y, inputs)
    honest = fitted.training_matrix(frame, inputs)
    naive = apply_transform(fitted.document, frame, inputs)
    assert [i for i in range(honest.shape[1]) if not np.array_equal(honest[:, i], naive[:, i], True)] == [0]


def test_ordered_means_still_carry_what_levels_tell() -> None:
    frame, inputs = table().select("person"), [Column("person", "string")]
    effect = frame["person"].str.slice(1).cast(pl.Int64).to_numpy() % 2
    y = effect + np.random.default_rng(4).normal(0, 0.1, ROWS)
    fitted = trees(frame, y, inputs, task="regression")
    matrix = fitted.training_matrix(frame, inputs)
    model = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(matrix, y)
    assert model.score(apply_transform(fitted.document, frame, inputs), y) > 0.8


def test_the_same_seed_gives_the_same_matrix() -> None:
    first, second = (trees(table(), target()).training_matrix(table(), INPUTS) for _ in range(2))
    assert np.array_equal(first, second, equal_nan=True)


def test_native_columns_have_the_kinds_and_nulls_of_the_core() -> None:
    columns = {
        name: (kind, values.dtype.name, levels)
        for name, kind, values, levels in native_columns(table(), INPUTS)
    }
    assert columns["amount"] == ("number", "float64", None)
    assert columns["at"] == ("timestamp", "int64", None)
    assert columns["shop"][:2] == ("string", "uint32")
    assert sorted(columns["shop"][2] or []) == ["a", "b"]


def test_what_does_not_fit_is_named() -> None:
    document = trees(table(), target()).document
    with pytest.raises(ColumnMissing, match="'shop'"):
        apply_transform(document, table().drop("shop"), INPUTS)
    with pytest.raises(DataError):
        apply_transform(document, table(), INPUTS[:-1])
    with pytest.raises(TooFewRows):
        trees(table().clear(), np.empty(0))
