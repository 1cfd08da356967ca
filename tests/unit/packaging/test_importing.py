"""Models from elsewhere keep their classes and categories, or are refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import import_lightgbm, import_onnx
from mlwright.packaging.package import publish_package


def booster(objective: object, *, categorical: bool = False, **settings: object) -> lgb.Booster:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(1_500, 4))
    matrix[:, 1] = rng.integers(0, 3, 1_500)
    labels = rng.integers(0, 3, 1_500) if "num_class" in settings else (matrix[:, 0] > 0).astype(int)
    named = {"feature_name": ["amount", "shop", "x", "y"], "categorical_feature": [1]} if categorical else {}
    group = [100] * 15 if objective == "lambdarank" else None
    dataset = lgb.Dataset(matrix, labels, group=group, params={"verbose": -1}, **named)
    return lgb.train({"objective": objective, "verbose": -1, **settings}, dataset, 12)


def raw_sums(predictions: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
    errors = predictions.reshape(-1) - np.resize(data.get_label(), predictions.size)
    return errors, np.ones_like(errors)


@pytest.mark.promise("model.import")
@pytest.mark.parametrize(
    ("objective", "more", "task"),
    [
        ("multiclassova", {"num_class": 3}, "multiclass"),
        ("cross_entropy", {}, "binary"),
        ("cross_entropy_lambda", {}, "regression"),
        ("regression", {"reg_sqrt": True}, "regression"),
        ("regression_l1", {"reg_sqrt": True}, "regression"),
        ("lambdarank", {}, "regression"),
        ("tweedie", {}, "regression"),
        (raw_sums, {}, "regression"),
    ],
)
def test_less_common_objectives_answer_as_their_library(
    tmp_path: Path, objective: object, more: dict[str, object], task: str
) -> None:
    text = booster(objective, **more).model_to_string()
    imported = import_lightgbm(text.encode(), "m")
    assert imported.content.task == task
    report = imported.check(tmp_path / publish_package(tmp_path, imported.content))
    assert report.rows >= 10_000
    assert report.largest_difference < 1e-12


def test_several_raw_sums_without_a_meaning_are_refused() -> None:
    text = booster(raw_sums, num_class=3).model_to_string()
    with pytest.raises(ModelUnsupported, match="3 raw sums"):
        import_lightgbm(text.encode(), "m")


def test_nodes_in_a_circle_are_refused() -> None:
    lines = booster("binary").model_to_string().splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("left_child="))
    lines[at] = "left_child=" + " ".join(["0"] * len(lines[at].split()))
    with pytest.raises(ModelUnsupported, match="circle"):
        import_lightgbm("\n".join(lines).encode(), "m")


@pytest.mark.promise("model.import")
@pytest.mark.parametrize("splits_on_it", [True, False])
def test_categories_that_pandas_held_become_named_levels(tmp_path: Path, *, splits_on_it: bool) -> None:
    weights = {} if splits_on_it else {"feature_contri": [1.0, 0.0, 1.0, 1.0]}
    text = booster("binary", categorical=True, **weights).model_to_string()
    text = text.replace("pandas_categorical:null", 'pandas_categorical:[["deli","kiosk","mall"]]')
    imported = import_lightgbm(text.encode(), "m")
    assert [item["type"] for item in imported.content.signature.inputs] == [
        *("number", "string", "number", "number")
    ]
    levels = imported.content.documents["transform.json"]["outputs"]
    assert json.loads(json.dumps(levels))[1]["levels"] == ["deli", "kiosk", "mall"]
    report = imported.check(tmp_path / publish_package(tmp_path, imported.content))
    assert report.largest_difference < 1e-12


def classifier(labels: dict[str, list[object]], *, external: bool = False) -> bytes:
    """A linear classifier with a ZipMap behind it, as scikit-learn's converter writes it."""
    width = len(next(iter(labels.values())))
    keys = {"classlabels_strings": "classlabels_strings", "classlabels_ints": "classlabels_int64s"}
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "raw"],
            domain="ai.onnx.ml",
            coefficients=[float(number) for number in range(2 * width)],
            intercepts=[0.0] * width,
            post_transform="SOFTMAX",
            **labels,
        ),
        helper.make_node("Identity", ["raw"], ["probabilities"]),
        helper.make_node(
            "ZipMap",
            ["probabilities"],
            ["maps"],
            domain="ai.onnx.ml",
            **{keys[name]: values for name, values in labels.items()},
        ),
    ]
    key = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
    item = helper.make_map_type_proto(key, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("label", key, [None]),
            helper.make_value_info("maps", helper.make_sequence_type_proto(item)),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    if external:
        tensor = helper.make_tensor("W", TensorProto.FLOAT, [1], [1.0])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")
        constant = helper.make_node("Constant", [], ["unused"], value=tensor)
        model.graph.node.append(constant)
    return bytes(model.SerializeToString())


@pytest.mark.promise("model.import")
@pytest.mark.parametrize(
    ("labels", "classes", "task"),
    [
        ({"classlabels_strings": ["cat", "dog", "eel"]}, ("cat", "dog", "eel"), "multiclass"),
        ({"classlabels_ints": [10, 20]}, (10, 20), "binary"),
    ],
)
def test_a_zip_map_is_taken_off_and_its_classes_stay(
    tmp_path: Path, labels: dict[str, list[object]], classes: tuple[object, ...], task: str
) -> None:
    imported = import_onnx(classifier(labels), "m")
    content = imported.content
    assert (content.signature.classes, content.task) == (classes, task)
    names = [output["name"] for output in content.signature.outputs]
    assert names == ["label", "probabilities"]
    assert "ZipMap" not in {node.op_type for node in onnx.load_model_from_string(content.model).graph.node}
    report = imported.check(tmp_path / publish_package(tmp_path, content))
    assert report.rows == 10_000
    assert report.largest_difference < 1e-6


@pytest.mark.promise("model.import")
def test_weights_outside_the_file_are_refused_wherever_they_hide() -> None:
    with pytest.raises(ModelUnsupported):
        import_onnx(classifier({"classlabels_ints": [0, 1]}, external=True), "m")
