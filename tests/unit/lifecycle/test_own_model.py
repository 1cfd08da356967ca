"""What a function of one's own returns becomes a model of raw columns, or is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlwright.errors import MlwrightError
from mlwright.lifecycle.own_gate import gate_rows
from mlwright.lifecycle.own_model import read_returned
from mlwright.lifecycle.own_scores import require_task, scores_of
from mlwright.lifecycle.own_training import own_members, own_scores
from mlwright.packaging.parity import check_parity
from mlwright.project import Task
from mlwright.training.own_problem import OwnProblem
from mlwright.training.own_trainer import OwnFitted
from tests.unit.training.problems import problem

ROWS = 600


def given(task: Task = "binary", *, nulls: bool = True, texts: bool = True) -> OwnProblem:
    rng = np.random.default_rng(5)
    amount, age = rng.lognormal(3, 1, ROWS), rng.normal(40, 10, ROWS)
    shop = rng.choice(["deli", "kiosk", "mall"], ROWS)
    target = {
        "binary": lambda: (amount > 30) ^ (shop == "mall"),
        "multiclass": lambda: np.digitize(amount, [10, 30]),
        "regression": lambda: amount * 2 + age,
    }[task]()
    frame = pl.DataFrame(
        {
            "amount": amount,
            "shop": shop,
            "age": [None if nulls and row % 11 == 0 else value for row, value in enumerate(age.tolist())],
            "visits": rng.integers(0, 9, ROWS),
        }
    )
    frame = frame if texts else frame.drop("shop")
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    metric = "rmse" if task == "regression" else "log_loss"
    made = problem(frame, np.asarray(target), task=task, classes=classes, metric=metric)
    return OwnProblem(made, fold=None, cpu_seconds=60.0)


def pipeline(asked: OwnProblem) -> Any:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["amount", "age"]),
            ("shop", OneHotEncoder(handle_unknown="ignore"), ["shop"]),
        ]
    )
    return make_pipeline(columns, RandomForestClassifier(20, random_state=1)).fit(asked.frame, asked.target)


def refusing_pipeline(asked: OwnProblem) -> Any:
    """Refuses missing ages and unknown shops, as the package then has to."""
    columns = ColumnTransformer([("shop", OneHotEncoder(), ["shop"])], remainder="passthrough")
    return make_pipeline(columns, LogisticRegression(max_iter=500)).fit(asked.frame, asked.target)


def booster(asked: OwnProblem) -> Any:
    rows = lgb.Dataset(asked.matrix, asked.target, categorical_feature=list(asked.categorical))
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    return lgb.train(settings, rows, 20)


def scaled_pipeline(asked: OwnProblem) -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(
        asked.matrix[:, [0, 2]], asked.target
    )


def network(asked: OwnProblem, *, last: str = "Sigmoid") -> bytes:
    """A layer and a link, written as a graph by hand."""
    width = asked.scaled.shape[1]
    weights = np.random.default_rng(2).normal(size=(width, 1)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["sum"]), helper.make_node(last, ["sum"], ["p"])]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


EXACT: dict[str, tuple[Task, str, Callable[[OwnProblem], object]]] = {
    "a pipeline of raw columns": ("binary", "columns", pipeline),
    "a booster of the matrix with its categories": ("binary", "matrix", booster),
    "a linear model of the scaled matrix": (
        "multiclass",
        "scaled",
        lambda p: LogisticRegression(max_iter=500).fit(p.scaled, p.target),
    ),
    "trees of the matrix": (
        "regression",
        "matrix",
        lambda p: HistGradientBoostingRegressor(max_iter=20).fit(p.matrix, p.target, p.weight),
    ),
    "a network of the scaled matrix": ("binary", "scaled", network),
    "which of both is said": (
        "binary",
        "scaled",
        lambda p: (RandomForestClassifier(5).fit(p.scaled, p.target), "scaled", p.matrix)[:2],
    ),
}


@pytest.mark.promise("train.own")
@pytest.mark.parametrize("case", EXACT)
def test_a_returned_model_answers_raw_columns_as_its_library(case: str) -> None:
    task, reads, fit = EXACT[case]
    asked = given(task)
    model = read_returned(fit(asked), asked)
    assert model.reads == reads
    hold_to_library(model, asked)


@pytest.mark.promise("train.own")
def test_an_array_of_all_columns_is_read_by_place() -> None:
    asked = given("regression", texts=False)
    fitted = make_pipeline(SimpleImputer(), Ridge()).fit(asked.frame.to_numpy(), asked.target)
    model = read_returned(fitted, asked)
    assert model.reads == "columns"
    hold_to_library(model, asked)


@pytest.mark.promise("train.own", "train.own-gate")
def test_what_a_model_refuses_is_refused_by_its_package() -> None:
    asked = given(nulls=False)
    model = read_returned(refusing_pipeline(asked), asked)
    assert "age" in model.refuses_null
    assert set((model.closed or {})["shop"]) == {"deli", "kiosk", "mall"}
    hold_to_library(model, asked)


def hold_to_library(model: Any, asked: OwnProblem) -> None:
    require_task(model, asked)
    rows, edges = gate_rows(model, asked, asked.frame)
    assert edges >= 4_000
    wanted = scores_of(model.ask(rows), model, asked, rows.height)
    said = {
        "engine": model.engine,
        "edge_rows": edges,
        "refuses_null": list(model.refuses_null),
        "closed": dict(model.closed or {}),
    }
    import io
    import json

    answers, table = io.BytesIO(), io.BytesIO()
    np.save(answers, wanted)
    rows.write_ipc(table)
    files = {
        "model": model.data,
        "transform.json": json.dumps(model.transform).encode(),
        "answers.npy": answers.getvalue(),
        "gate.arrow": table.getvalue(),
    }
    fitted = OwnFitted(np.zeros(0), None, (), (), {}, said, files)
    members = own_members(fitted, list(asked.columns), asked.task, asked.classes)
    found = own_scores(members, rows, list(asked.columns))
    threshold = 0.5 if asked.task == "binary" else None
    check_parity(wanted, found, edge_rows=edges, threshold=threshold, what="own", rows=rows)


REFUSED: dict[str, tuple[str, Callable[[OwnProblem], object]]] = {
    "nothing": ("returned nothing", lambda _: None),
    "a word": ("no exact conversion|the estimator is a|in no format|no file", lambda _: "model"),
    "a strange pair": ("a tuple of 2", lambda p: (pipeline(p), "rows")),
    "a regressor": ("a model of regression", lambda p: Ridge().fit(p.scaled, p.target)),
    "classes of its own": (
        "knows the classes",
        lambda p: LogisticRegression().fit(p.scaled, np.where(p.target == 1, "yes", "no")),
    ),
    "both matrices": (
        "not clear",
        lambda p: (p.matrix, RandomForestClassifier(5).fit(p.scaled, p.target))[1],
    ),
    "part of a matrix": (
        "takes 2 numbers",
        lambda p: RandomForestClassifier(5).fit(p.scaled[:, :2], p.target),
    ),
    "a matrix that it never saw": ("never asked", lambda p: (pipeline(p), "scaled")),
    "an estimator without conversion": (
        "DummyClassifier",
        lambda p: DummyClassifier().fit(p.scaled, p.target),
    ),
    "a network without a link": ("no probabilities", lambda p: network(p, last="Identity")),
    "a network of NaN": ("NaN or infinity", lambda p: network(p, last="Log")),
    "a text as a number": (
        "a string, as a number",
        lambda p: RandomForestClassifier(5).fit(p.frame.with_columns(shop=pl.lit(1)).to_numpy(), p.target),
    ),
    "not a graph": ("not an ONNX model", lambda p: (b"nonsense", "scaled")),
}


@pytest.mark.promise("train.own", "train.own-gate")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_with_the_reason(case: str) -> None:
    message, fit = REFUSED[case]
    asked = given()
    with pytest.raises(MlwrightError, match=message) as caught:
        model = read_returned(fit(asked), asked)
        require_task(model, asked)
        scores_of(model.ask(asked.frame), model, asked, ROWS)
    assert caught.value.hint


def test_a_fold_without_a_class_gives_that_class_no_probability() -> None:
    asked = given("multiclass")
    known = asked.target != 1
    model = read_returned(
        LogisticRegression(max_iter=500).fit(asked.scaled[known], asked.target[known]), asked
    )
    require_task(model, asked)
    scores = scores_of(model.ask(asked.frame), model, asked, ROWS)
    assert scores.shape == (ROWS, 3)
    assert (scores[:, 1] == 0).all()


@pytest.mark.promise("train.own", "train.networks")
def test_a_model_reads_the_words_of_sentences_as_terms() -> None:
    rng = np.random.default_rng(3)
    good = rng.random(ROWS) < 0.5
    texts = [
        f"This {rng.choice(['dress', 'coat', 'shirt'])} {'fits' if is_good else 'broke'} at last"
        f" and I {'love' if is_good == (rng.random() < 0.8) else 'hate'} it, number {row}"
        for row, is_good in enumerate(good)
    ]
    frame = pl.DataFrame({"review": texts, "stars": rng.normal(size=ROWS)})
    asked = OwnProblem(problem(frame, good), fold=None, cpu_seconds=60.0)
    model = read_returned(LogisticRegression().fit(asked.terms, asked.target), asked)
    assert model.reads == "terms"
    assert {"fits", "broke"} <= {output.get("term") for output in model.transform["outputs"]}
    assert ((model.ask(frame) > 0.5) == good).mean() > 0.95
    hold_to_library(model, asked)


@pytest.mark.promise("train.own")
def test_matrices_have_every_row_of_a_large_table() -> None:
    rows = 31_000
    made = problem(pl.DataFrame({"x": np.arange(rows) / rows}), np.arange(rows) % 2 == 0)
    asked = OwnProblem(made, fold=None, cpu_seconds=60.0)
    assert len(asked.scaled) == len(asked.matrix) == len(asked.target) == rows


def test_a_frame_of_pandas_is_made_where_pandas_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    found = given().to_pandas()
    assert list(found.columns) == ["amount", "shop", "age", "visits"]
    assert found["age"].isna().sum() > 0
