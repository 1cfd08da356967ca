"""Predictions of tables, for every kind of model that can be imported."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlwright.commands.init import InitRequest, init
from mlwright.commands.model_import import ModelImportRequest, model_import
from mlwright.commands.model_list import ModelListRequest, model_list
from mlwright.commands.model_show import ModelShowRequest, model_show
from mlwright.commands.predict import PredictRequest, predict
from mlwright.errors import ColumnMissing, ContractBroken, MlwrightError, ModelUnsupported, UsageError
from tests.unit.packaging import graphs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return init(InitRequest("m", tmp_path, empty=True)).root


def add(project: Path, data: bytes, framework: str = "onnx") -> None:
    path = project / "model"
    path.write_bytes(data)
    model_import(ModelImportRequest(project, path, framework))


def answer(project: Path, frame: pl.DataFrame, out: str = "out.parquet") -> pl.DataFrame:
    frame.write_parquet(project / "data.parquet")
    result = predict(PredictRequest(project, "m@latest", project / "data.parquet", project / out))
    read = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".arrow": pl.read_ipc}[result.out.suffix]
    found = read(result.out.read_bytes())
    assert (result.rows, result.columns) == (found.height, tuple(found.columns))
    return found


def columns(rows: int = 3) -> pl.DataFrame:
    return pl.DataFrame(
        {"amount": [4.0, 8.0, None], "shop": ["mall", None, "deli"], "visits": [2, 0, 1]}
    ).head(rows)


@pytest.mark.promise("model.predict", "model.import")
@pytest.mark.parametrize("out", ["out.csv", "out.parquet", "deep/out.arrow"])
def test_a_graph_of_several_tensors_takes_the_columns_of_their_names(project: Path, out: str) -> None:
    add(project, graphs.columns_graph())
    found = answer(project, columns(2), out)
    raw = np.array([2.0 - 0.5 * 2 + 0.25 * 4, -1.0 - 0.0 + 0.25 * 8])
    assert found["score"].to_numpy() == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-6)
    assert found["prediction"].to_list() == [1, 1]


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        (columns().drop("visits"), ColumnMissing, "visits"),
        (columns().with_columns(visits=pl.Series([1, None, 2])), ContractBroken, "visits"),
        (columns().with_columns(visits=pl.Series([1.5, 1.0, 2.0])), ContractBroken, "visits"),
    ],
)
def test_a_column_that_a_tensor_cannot_take_is_named(
    project: Path, frame: pl.DataFrame, error: type[MlwrightError], said: str
) -> None:
    add(project, graphs.columns_graph())
    with pytest.raises(error, match=said) as caught:
        answer(project, frame)
    assert caught.value.hint
    assert not (project / "out.parquet").exists()


@pytest.mark.promise("model.predict")
def test_whole_numbers_are_taken_in_their_order(project: Path) -> None:
    add(project, graphs.whole_numbers_graph())
    found = answer(project, pl.DataFrame({"a": [1, 2], "b": [10, 20], "c": [100, 200]}))
    assert found.to_dict(as_series=False) == {"prediction": [111.0, 222.0]}
    with pytest.raises(ContractBroken, match="3 numbers per row"):
        answer(project, pl.DataFrame({"a": [1], "b": [10]}))


def test_what_is_no_table_or_takes_other_rows_is_refused_with_a_way_out(project: Path) -> None:
    add(project, graphs.words_graph())
    with pytest.raises(ContractBroken, match="ids"):
        answer(project, pl.DataFrame({"ids": [1, 2]}))
    add(project, graphs.one_row_graph())
    assert answer(project, pl.DataFrame({"x": [2.0]}))["prediction"].to_list() == [-2.0]
    with pytest.raises(ModelUnsupported, match="2 rows"):
        answer(project, pl.DataFrame({"x": [2.0, 3.0]}))
    with pytest.raises(UsageError):
        answer(project, pl.DataFrame({"x": [2.0]}), "out.json")


@pytest.mark.promise("model.predict")
def test_columns_that_lightgbm_named_are_found_in_any_order_beside_others(project: Path) -> None:
    matrix = np.random.default_rng(1).normal(size=(500, 3))
    booster = lgb.train({"verbose": -1}, lgb.Dataset(matrix, matrix[:, 0] - matrix[:, 2]), 10)
    add(project, booster.model_to_string().encode(), "lightgbm")
    frame = pl.DataFrame(matrix, schema=["Column_0", "Column_1", "Column_2"])
    mixed = frame.select("Column_2", pl.lit("note").alias("note"), "Column_0", "Column_1")
    expected = np.asarray(booster.predict(matrix))
    assert np.array_equal(answer(project, mixed)["prediction"].to_numpy(), expected)
    other = frame.rename({"Column_0": "a", "Column_1": "b", "Column_2": "c"})
    assert np.array_equal(answer(project, other)["prediction"].to_numpy(), expected)


@pytest.mark.promise("model.references")
def test_imports_are_listed_and_shown_with_their_aliases(project: Path) -> None:
    add(project, graphs.columns_graph())
    add(project, graphs.columns_graph())
    add(project, graphs.whole_numbers_graph())
    listed = model_list(ModelListRequest(project)).versions
    assert [(item.reference, item.aliases, item.verdict) for item in listed] == [
        ("m@1", ("champion",), "pass"),
        ("m@2", ("candidate",), "pass"),
    ]
    shown = model_show(ModelShowRequest(project, "m"))
    assert (shown.reference, shown.versions, shown.framework) == ("m@2", ("m@1", "m@2"), "onnx")
    assert [move.alias for move in shown.moves] == ["champion", "candidate"]
    assert shown.signature["inputs"] == [{"name": "x", "datatype": "INT64", "shape": [-1, 3]}]


@pytest.mark.promise("model.predict", "import.refused")
@pytest.mark.parametrize(("shop", "size"), [("never seen", 1.0), (None, 1.0), ("mall", None)])
def test_a_row_that_the_library_of_a_pipeline_refuses_gets_no_answer(
    project: Path, shop: str | None, size: float | None
) -> None:
    known = np.array([["mall", 1.0], ["deli", 2.0], ["mall", 3.0]], dtype=object)
    encoded = ColumnTransformer([("shop", OneHotEncoder(), [0])], remainder="passthrough")
    fitted = make_pipeline(encoded, Ridge()).fit(known, [0.0, 1.0, 2.0])
    model_import(ModelImportRequest(project, fitted))
    expected = fitted.predict(known[:1])[0]
    good = {"f0": ["mall"], "f1": [1.0]}
    assert answer(project, pl.DataFrame(good))["prediction"][0] == pytest.approx(expected, rel=1e-12)
    bad = pl.DataFrame({"f0": ["mall", shop], "f1": [1.0, size]})
    with pytest.raises(ContractBroken, match="row 1: 'f[01]' is .*library refuses"):
        answer(project, bad)
