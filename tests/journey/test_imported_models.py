"""Models that were trained elsewhere are served as exactly as their library answers."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import lightgbm as lgb
import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.journey.conftest import Shell
from tests.unit.packaging.xgboost_documents import document, stump


def data(rows: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(rows, 6))
    matrix[:, 3] = rng.integers(0, 30, rows)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    target = np.nan_to_num(matrix[:, 0]) + (np.nan_to_num(matrix[:, 3]) % 5 == 0) + rng.normal(size=rows) / 3
    return matrix, target


def train(objective: str, **more: object) -> tuple[lgb.Booster, np.ndarray]:
    matrix, target = data()
    labels = {
        "binary": (target > 0.5).astype(int),
        "multiclass": np.digitize(target, [0.0, 1.0]),
        "regression": target,
    }[objective]
    parameters = {"objective": objective, "verbose": -1, "num_leaves": 15, **more}
    dataset = lgb.Dataset(matrix, labels, categorical_feature=[3], params={"verbose": -1})
    return lgb.train(parameters, dataset, 40), matrix


@pytest.fixture
def project(shell: Shell) -> Shell:
    shell.good("init", "imported", "--empty")
    return Shell(shell.folder / "imported")


@pytest.mark.promise("model.import", "model.trees-exact", "serve.tensorflow", "serve.oip")
@pytest.mark.parametrize(
    ("objective", "more"), [("binary", {}), ("multiclass", {"num_class": 3}), ("regression", {})]
)
def test_a_lightgbm_model_answers_as_its_library(
    project: Shell, objective: str, more: dict[str, object]
) -> None:
    booster, matrix = train(objective, **more)
    booster.save_model(project.folder / "model.txt")
    result = project.good("model", "import", "model.txt", "--framework", "lightgbm", "--name", "trees")
    assert result["reference"] == "trees@1"
    assert result["largest_difference"] < 1e-12
    assert (
        project.good("model", "import", "model.txt", "--framework", "lightgbm", "--name", "trees")["version"]
        == 1
    )
    expected = np.asarray(booster.predict(matrix[:50]))
    if objective == "binary":
        expected = np.column_stack([1 - expected, expected])
    instances = [[None if np.isnan(x) else x for x in row] for row in matrix[:50].tolist()]
    complete = [row for row in range(50) if None not in instances[row]]
    with project.running("serve", "trees@1", "--no-auth") as client:
        about = client.ask("GET", "/v2/models/trees").json()
        assert about["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 6]}]
        name = "prediction" if objective == "regression" else "probabilities"
        assert [output["name"] for output in about["outputs"]] == [name]
        body = json.dumps({"instances": [instances[row] for row in complete]}).encode()
        found = np.array(client.ask("POST", "/v1/models/trees:predict", body).json()["predictions"])
        assert np.array_equal(found, expected[complete])
        tensor = {"name": "input", "datatype": "FP64", "shape": [50, 6], "data": instances}
        answer = client.ask(
            "POST", "/v2/models/trees/infer", json.dumps({"inputs": [tensor]}).encode()
        ).json()
        output = answer["outputs"][0]
        assert np.array_equal(
            np.array(output["data"]).reshape(output["shape"]), expected.reshape(output["shape"])
        )


@pytest.mark.promise("model.predict")
def test_a_named_model_takes_columns_and_predicts_files(project: Shell) -> None:
    matrix, target = data()
    frame = pl.DataFrame(matrix, schema=[f"f {i}" for i in range(6)])
    dataset = lgb.Dataset(matrix, (target > 0).astype(int), feature_name=[f"f_{i}" for i in range(6)])
    booster = lgb.train({"objective": "binary", "verbose": -1}, dataset, 20)
    booster.save_model(project.folder / "model.txt")
    project.good("model", "import", "model.txt", "--framework", "lightgbm")
    frame.rename({f"f {i}": f"f_{i}" for i in range(6)}).write_parquet(project.folder / "d.parquet")
    project.good("predict", "--model", "imported@latest", "--data", "d.parquet", "--out", "o.csv")
    found = pl.read_csv(project.folder / "o.csv")
    assert np.array_equal(found["score"].to_numpy(), np.asarray(booster.predict(matrix)))
    with project.running("serve", "imported@1", "--no-auth") as client:
        rows = [{f"f_{i}": 0.5 for i in range(6)}]
        assert client.predict(*rows, to="imported")[0]["score"] == booster.predict([[0.5] * 6])[0]


def linear_graph(path: Path) -> None:
    """y = softmax(x W): two classes, a label and probabilities, as exporters write it."""
    weights = helper.make_tensor("W", TensorProto.FLOAT, [3, 2], [0.5, -0.5, 1.0, 0.25, -2.0, 2.0])
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
        ],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


@pytest.mark.promise("model.import", "serve.oip")
def test_an_onnx_graph_answers_as_onnxruntime(project: Shell) -> None:
    import onnxruntime

    linear_graph(project.folder / "model.onnx")
    result = project.good("model", "import", "model.onnx", "--framework", "onnx", "--name", "graph")
    assert (result["task"], result["reference"]) == ("binary", "graph@1")
    rows = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        str(project.folder / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    labels, expected = session.run(None, {"x": rows})
    with project.running("serve", "graph@1", "--no-auth") as client:
        about = client.ask("GET", "/v2/models/graph").json()
        assert about["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
        tensor = {"name": "x", "datatype": "FP32", "shape": [5, 3], "data": rows.ravel().tolist()}
        answer = client.ask(
            "POST", "/v2/models/graph/infer", json.dumps({"inputs": [tensor]}).encode()
        ).json()
        outputs = {output["name"]: output for output in answer["outputs"]}
        assert outputs["label"]["data"] == labels.tolist()
        found = np.array(outputs["probabilities"]["data"], dtype=np.float32).reshape(5, 2)
        assert np.abs(found - expected).max() < 1e-6
        body = json.dumps({"instances": rows.tolist()}).encode()
        plain = np.array(client.ask("POST", "/v1/models/graph:predict", body).json()["predictions"])
        assert np.abs(plain - expected).max() < 1e-6


@pytest.mark.promise("model.import")
def test_what_is_no_model_is_refused_with_a_reason(project: Shell) -> None:
    (project.folder / "bad.txt").write_text("hello")
    for framework in ("lightgbm", "onnx"):
        done = project("model", "import", "bad.txt", "--framework", framework, "--name", "bad", "--json")
        assert done.code == 1
        assert done.json()["error"]["code"] == "package.unsupported-model"
    assert project.good("model", "list")["versions"] == []


@pytest.mark.promise("import.xgboost", "serve.native")
def test_an_xgboost_model_with_categories_is_served_by_column(project: Shell) -> None:
    """Texts, whole numbers and null go where XGBoost sends them; an unknown text is in no list."""
    trees = [
        stump(0.0, 1.0, 2.0, categories={0: [1]}),
        stump(0.0, 10.0, 20.0, feature=[1, 0, 0], default_left=[1, 0, 0], categories={0: [3]}),
        stump(0.5, 100.0, 200.0, feature=[2, 0, 0], default_left=[1, 0, 0]),
    ]
    model = document(
        trees,
        names=("shop", "size", "price"),
        kinds=("c", "c", "float"),
        features=3,
        encodings=[{"offsets": [0, 5, 9], "values": list(b"kioskmall")}],
    )
    (project.folder / "model.json").write_text(json.dumps(model))
    result = project.good("model", "import", "model.json", "--framework", "xgboost", "--name", "shops")
    assert (result["reference"], result["largest_difference"]) == ("shops@1", 0.0)
    asked = {
        122.0: {"shop": "mall", "size": 3, "price": 0.4},
        111.0: {"shop": "kiosk", "size": 4, "price": None},
        212.0: {"shop": None, "size": None, "price": 0.5},
        221.0: {"shop": "never seen", "size": 3, "price": 1e30},
    }
    with project.running("serve", "shops@1", "--no-auth") as client:
        answers = client.predict(*asked.values(), to="shops")
        assert [answer["prediction"] for answer in answers] == list(asked)


@pytest.mark.promise("import.pipelines", "import.calibrated", "serve.native")
def test_a_calibrated_pipeline_in_a_pickle_is_served_from_raw_columns(project: Shell) -> None:
    rng = np.random.default_rng(6)
    rows = np.empty((600, 2), dtype=object)
    rows[:, 0], rows[:, 1] = rng.normal(size=600), rng.choice(["deli", "kiosk", "mall"], 600)
    rows[::9, 0] = np.nan
    labels = (np.nan_to_num(rows[:, 0].astype(float)) > 0) ^ (rows[:, 1] == "mall")
    columns = ColumnTransformer(
        [
            ("price", make_pipeline(SimpleImputer(), StandardScaler()), [0]),
            ("shop", OneHotEncoder(handle_unknown="ignore"), [1]),
        ]
    )
    inside = make_pipeline(columns, RandomForestClassifier(10, random_state=0))
    fitted = CalibratedClassifierCV(inside, method="isotonic", cv=2).fit(rows, labels)
    joblib.dump(fitted, project.folder / "model.joblib")
    refused = project("model", "import", "model.joblib", "--json")
    assert refused.json()["error"]["code"] == "package.untrusted-model"
    assert project.good("model", "import", "model.joblib", "--trust")["largest_difference"] < 1e-12
    asked = [[0.3, "mall"], [np.nan, "kiosk"], [-2.0, "never seen"]]
    expected = fitted.predict_proba(np.array(asked, dtype=object))[:, 1]
    with project.running("serve", "imported@1", "--no-auth") as client:
        given = [{"f0": None if np.isnan(price) else price, "f1": shop} for price, shop in asked]
        answers = client.predict(*given, to="imported")
        assert [answer["score"] for answer in answers] == pytest.approx(expected, abs=1e-12)
