"""An exported graph answers as its package, bit for bit where sums are concerned, or is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import polars as pl
import pytest
from onnx.reference import ReferenceEvaluator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlwright.data import Column
from mlwright.errors import ModelUnsupported, ParityFailed
from mlwright.features import TransformDocument, apply_transform, native_columns
from mlwright.features.document import TimePart
from mlwright.packaging.export_check import check_export, column_tensors
from mlwright.packaging.exporting import ExportedGraph, lower_package, with_outputs
from mlwright.packaging.forest import Answer, Link, Split, TreeArrays
from mlwright.packaging.graph_run import open_session
from mlwright.packaging.importing import convert_onnx, import_fitted, imported
from mlwright.packaging.lower_transform import number_text
from mlwright.packaging.package import Engine, publish_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Task
from tests.unit.packaging import exported as made
from tests.unit.packaging import graphs

NOTES = {"mlwright.release": "0"}
HALFWAY = [1 + 2.0**-24, 1 + 3 * 2.0**-24, 1 + 2.0**-24 + 2.0**-52, 2.0**128 - 2.0**103, 2.0**-150, 3e38]
"""Numbers where rounding to float32 has to choose, or ends."""
LINEAR = b'{"format":1,"features":1,"link":"identity","coefficients":[[2.0]],"intercept":[1.0]}'


def lower(folder: Path) -> ExportedGraph:
    return lower_package(folder, NOTES)


def check(folder: Path, graph: ExportedGraph, real: pl.DataFrame | None = None) -> Any:
    told: list[float] = []
    report = check_export(folder, graph, real=real, tell=lambda share, text: told.append(share))
    assert told == sorted(told)
    assert told
    return report


def run(data: bytes, tensors: dict[str, Any]) -> dict[str, Any]:
    session = open_session(data)
    return dict(zip([item.name for item in session.get_outputs()], session.run(None, tensors), strict=True))


def document(columns: list[Column], outputs: list[dict[str, Any]]) -> TransformDocument:
    entries = [{"name": column.name, "type": column.type} for column in columns]
    return {"format": 1, "inputs": entries, "outputs": outputs}  # type: ignore[typeddict-item]  # test data


def linear_package(folder: Path, columns: list[Column], outputs: list[dict[str, Any]], **more: Any) -> Path:
    model = {"format": 1, "features": len(outputs), "link": "identity", "intercept": [0.0]}
    text = json.dumps({**model, "coefficients": [[1.0] * len(outputs)]}).encode()
    transform: Any = {**document(columns, outputs), **more}
    return made.columns_package(folder, transform, text, engine="linear", task="regression", columns=columns)


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("engine", ["trees", "linear"])
def test_a_trained_package_answers_as_its_graph_on_real_made_and_edge_rows(
    tmp_path: Path, engine: Engine, task: Task
) -> None:
    folder = made.trained(tmp_path, engine, task)
    report = check(folder, lower(folder), made.flights())
    assert (report.real_rows, report.made_rows, report.edge_rows) == (1_500, 8_500, 4_000)
    assert report.label_flips == 0
    assert report.largest_difference < 1e-12


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("seed", range(6))
def test_every_kind_of_split_reaches_the_same_leaf_for_every_number(tmp_path: Path, seed: int) -> None:
    model = made.random_forest(seed, Answer("identity", (0.25,) if seed % 2 else (0.0,)))
    folder = made.tensor_package(tmp_path, model, task="regression")
    rows = made.odd_rows()
    wanted = PackagePredictor(folder).predict_matrix(rows)
    assert (run(lower(folder).data, {"input": rows})["prediction"][:, 0] == wanted).all()
    check(folder, lower(folder))


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_reference_implementation_of_onnx_gives_the_same_answers(tmp_path: Path, task: Task) -> None:
    """A graph that only one runtime reads as it was meant would not be for other servers."""
    folder = made.trained(tmp_path, "trees", task)
    predictor = PackagePredictor(folder)
    rows = made.flights(rows=30, seed=8)
    data = lower(folder).data
    answers = ReferenceEvaluator(onnx.load_model_from_string(data)).run(
        None, column_tensors(rows, predictor.columns)
    )
    wanted = predictor.predict_columns(native_columns(rows, predictor.columns), rows.height)
    given = answers[-1] if task == "multiclass" else answers[1 if task == "binary" else 0][:, 0]
    assert np.abs(given - wanted).max() < 1e-12
    forest = made.tensor_package(
        tmp_path, made.random_forest(5, Answer("identity", (0.5,))), task="regression"
    )
    odd = made.odd_rows(rows=60)
    [found] = ReferenceEvaluator(onnx.load_model_from_string(lower(forest).data)).run(None, {"input": odd})
    assert (found[:, 0] == PackagePredictor(forest).predict_matrix(odd)).all()


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize(
    ("answer", "task"),
    [
        (Answer("sigmoid", (0.1,), slope=0.7), "binary"),
        (Answer("step", (0.0,)), "binary"),
        (Answer("identity", (0.5,), is_average=True), "regression"),
        *[(Answer(link, (-0.3,)), "regression") for link in ("exp", "softplus", "square")],
        *[(Answer(link, (0.1, 0.0, -2.0), slope=2.0), "multiclass") for link in ("softmax", "ova")],
        (Answer("identity", (0.0, 0.0, 0.0), is_average=True), "multiclass"),
    ],
    ids=lambda item: item.link if isinstance(item, Answer) else item,
)
def test_every_link_and_average_is_the_same(tmp_path: Path, answer: Answer, task: Task) -> None:
    model = made.random_forest(11, answer)
    folder = made.tensor_package(tmp_path, model, task=task, outputs=len(answer.base))
    report = check(folder, lower(folder))
    assert report.real_rows == 0
    assert report.largest_difference < 1e-12


@pytest.mark.promise("export.exact")
def test_every_link_of_the_format_is_lowered() -> None:
    known: set[Link] = {"identity", "sigmoid", "softmax", "exp", "ova", "softplus", "square", "step"}
    assert set(Link.__args__) == known


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("rounding", [{}, {"rounding": "float32"}])
def test_every_step_of_a_transform_gives_the_same_bits(tmp_path: Path, rounding: dict[str, str]) -> None:
    columns = [
        Column("x", "number"),
        Column("count", "integer"),
        Column("flag", "boolean"),
        Column("shop", "string"),
        Column("at", "timestamp"),
        Column("born", "timestamp"),
    ]
    scaling = {"fill": 0.1, "mean": 0.3, "scale": 0.7}
    table = {"levels": ["a", "", "Ü"], "values": [0.1, 0.2, 0.3], "default": -0.7}
    outputs = [
        {"name": "at|hour|scaled", "op": "time", "column": "at", "part": "hour", **scaling},
        *[{"name": f"at|{part}", "op": "time", "column": "at", "part": part} for part in get_args(TimePart)],
        {"name": "age", "op": "age", "column": "born", "by": "at"},
        {"name": "age|scaled", "op": "age", "column": "at", "by": "born", **scaling},
        {"name": "x/count", "op": "ratio", "column": "x", "by": "count"},
        {"name": "x-count", "op": "difference", "column": "x", "by": "count", **scaling},
        {
            "name": "shop*flag",
            "op": "cross",
            "column": "shop",
            "by": "flag",
            "pairs": [["a", "true"], ["Ü", ""], ["", "false"]],
            "values": [0.1, 0.2, 0.3],
            "default": -0.5,
        },
        {
            "name": "count*at",
            "op": "cross",
            "column": "count",
            "by": "shop",
            "pairs": [["3", "b"], ["", "a"], ["0", ""]],
            "values": [1.0, 2.0, 3.0],
            "default": 0.0,
        },
        {"name": "x|scaled", "op": "scale", "column": "x", **scaling},
        {"name": "x", "op": "number", "column": "x"},
        {"name": "x|null", "op": "isnull", "column": "x"},
        {"name": "at|null", "op": "isnull", "column": "at"},
        {"name": "shop", "op": "level", "column": "shop", "levels": ["b", "a"]},
        {"name": "shop=", "op": "onehot", "column": "shop", "level": ""},
        {"name": "shop~mean", "op": "target", "column": "shop", **table},
        {"name": "count", "op": "level", "column": "count", "levels": ["3", "-0", "5e-1", "", "03", "1e18"]},
        {"name": "flag", "op": "level", "column": "flag", "levels": ["true", "", "false", "1"]},
        {"name": "flag=x", "op": "onehot", "column": "flag", "level": "true"},
    ]
    rng = np.random.default_rng(1)
    rows = 800
    drawn = {
        "x": pl.Series(rng.choice([None, np.inf, -np.inf, 1e300, -0.0, 0.37, -2.0, *HALFWAY], rows).tolist()),
        "count": pl.Series(rng.choice([None, 3.0, -0.0, 0.5, 1e18, 4.0], rows).tolist(), dtype=pl.Float64),
        "flag": pl.Series(rng.choice([None, True, False], rows).tolist()),
        "shop": pl.Series(rng.choice([None, "a", "b", "", "Ü", "a "], rows).tolist()),
        "at": pl.Series(rng.choice([None, *made.ODD_MOMENTS], rows).tolist(), dtype=pl.Datetime("us")),
        "born": pl.Series(rng.choice([None, *made.ODD_MOMENTS], rows).tolist(), dtype=pl.Datetime("us")),
    }
    frame = pl.DataFrame(drawn)
    folder = linear_package(tmp_path, columns, outputs, **rounding)
    graph = lower(folder)
    transform: Any = {**document(columns, outputs), **rounding}
    wanted = apply_transform(transform, frame, columns)
    with np.errstate(over="ignore"):
        assert np.isinf(wanted).any() != bool(rounding)
        assert bool(rounding) == np.array_equal(wanted, wanted.astype(np.float32), equal_nan=True)
    shown = with_outputs(graph.data, [graph.features])
    given = run(shown, column_tensors(frame, columns))[graph.features]
    for place, output in enumerate(outputs):
        assert np.array_equal(wanted[:, place], given[:, place], equal_nan=True), output["name"]


def test_numbers_are_written_as_the_compiled_code_writes_them() -> None:
    columns = [Column("count", "integer")]
    numbers = [0.5, -12.25, 1e18, 123456789012345678.0, -2.2250738585072014e-308, 1.25e-7, 1e300, 7.0, -0.0]
    for number in [*numbers, np.inf, -np.inf]:
        outputs = [{"name": "n", "op": "onehot", "column": "count", "level": number_text(number)}]
        found = apply_transform(document(columns, outputs), pl.DataFrame({"count": [number]}), columns)
        assert found.tolist() == [[1.0]], number


@pytest.mark.promise("export.gate")
def test_a_graph_that_differs_is_refused_with_the_step_that_differs(tmp_path: Path) -> None:
    columns = [Column("x", "number"), Column("shop", "string")]
    outputs: list[dict[str, Any]] = [
        {"name": "x|scaled", "op": "scale", "column": "x", "fill": 0.0, "mean": 1.0, "scale": 2.0},
        {"name": "shop=a", "op": "onehot", "column": "shop", "level": "a"},
    ]
    folder = linear_package(tmp_path, columns, outputs)
    other = lower(linear_package(tmp_path, columns, [outputs[0], {**outputs[1], "level": "b"}]))
    with pytest.raises(ParityFailed, match=r"'shop=a' of the transform \(onehot of 'shop'\)") as caught:
        check(folder, other, pl.DataFrame({"x": [1.0, 2.0], "shop": ["a", "b"]}))
    assert "row" in str(caught.value.__cause__)
    assert caught.value.code == "package.parity"


@pytest.mark.promise("export.texts")
@pytest.mark.parametrize("engine", ["trees", "linear"])
def test_a_package_that_reads_sentences_answers_as_its_graph(tmp_path: Path, engine: Engine) -> None:
    folder, rows = made.trained_on_reviews(tmp_path, engine), made.reviews()
    graph = lower(folder)
    report = check(folder, graph, rows)
    assert (report.real_rows, report.made_rows, report.label_flips) == (1_500, 8_500, 0)
    assert report.edge_rows > 5_000  # with every character once
    assert report.largest_difference < 1e-12
    predictor = PackagePredictor(folder)
    columns = predictor.columns
    shown = run(with_outputs(graph.data, [graph.features]), column_tensors(rows, columns))
    transform = json.loads((folder / "transform.json").read_text())
    assert np.array_equal(shown[graph.features], apply_transform(transform, rows, columns))


@pytest.mark.promise("export.texts")
def test_only_a_graph_that_reads_texts_needs_operators_of_the_runtime(tmp_path: Path) -> None:
    def domains(folder: Path) -> set[str]:
        return {entry.domain for entry in onnx.load_model_from_string(lower(folder).data).opset_import}

    assert domains(made.trained(tmp_path, "trees", "binary")) == {"", "ai.onnx.ml"}
    assert domains(made.trained_on_reviews(tmp_path, "trees")) == {"", "ai.onnx.ml", "com.microsoft"}


@pytest.mark.promise("export.gate", "export.texts")
@pytest.mark.parametrize(
    "fault", ["a capital is another letter", "a letter parts words", "a sign is a letter"]
)
def test_a_graph_that_reads_one_character_otherwise_is_refused(tmp_path: Path, fault: str) -> None:
    folder = made.trained_on_reviews(tmp_path, "trees")
    graph = lower(folder)
    model = onnx.load_model_from_string(graph.data)
    [loop] = [node for node in model.graph.node if node.op_type == "Loop"]
    nodes = {node.op_type: node for node in loop.attribute[0].g.node}
    letters, codes = nodes["RegexFullMatch"].attribute[0], nodes["LabelEncoder"].attribute
    if fault == "a capital is another letter":
        keys, values = (
            next(item for item in codes if item.name == name) for name in ("keys_strings", "values_int64s")
        )
        place = list(keys.strings).index("Ü".encode())
        values.ints[place] = values.ints[place - 1]
    else:
        old, new = {
            "a letter parts words": (rb"\x{16a0}-\x{16ea}", rb"\x{16a1}-\x{16ea}"),
            "a sign is a letter": (rb"[", rb"[\x{1f600}"),
        }[fault]
        assert old in letters.s
        letters.s = letters.s.replace(old, new, 1)
    faulty = replace(graph, data=model.SerializeToString())
    with pytest.raises(ParityFailed, match=r"'said.*' of the transform \(te[rx][mt] of 'said'\)"):
        check(folder, faulty, made.reviews())


@pytest.mark.promise("export.gate")
def test_a_threshold_that_is_one_ulp_off_is_refused(tmp_path: Path) -> None:
    def forest(threshold: float) -> Path:
        arrays = TreeArrays()
        arrays.add_tree([Split(0, 1, 2, threshold), 0.0, 1.0])
        data = arrays.to_bytes(1, Answer("identity", (0.0,)))
        return made.tensor_package(tmp_path, data, task="binary", features=1)

    folder = forest(0.1)
    assert check(folder, lower(folder)).label_flips == 0
    with pytest.raises(ParityFailed, match=r"the model \(trees\) differs") as caught:
        check(folder, lower(forest(float(np.nextafter(0.1, 1)))))
    assert int(str(caught.value.facts["label_flips"])) > 0


@pytest.mark.promise("export.gate")
def test_what_a_graph_cannot_say_is_refused_with_a_reason(tmp_path: Path) -> None:
    columns = [Column("shop", "string")]
    null = [{"name": "shop|null", "op": "isnull", "column": "shop"}]
    with pytest.raises(ModelUnsupported, match="which ONNX texts cannot"):
        lower(linear_package(tmp_path, columns, null))
    number = [{"name": "x", "op": "number", "column": ""}]
    with pytest.raises(ModelUnsupported, match="empty name"):
        lower(linear_package(tmp_path, [Column("", "number")], number))
    folder = made.columns_package(
        tmp_path,
        document([Column("x", "number")], [{"name": "x", "op": "number", "column": "x"}]),
        LINEAR.replace(b"identity", b"sigmoid"),
        engine="linear",
        task="binary",
        columns=[Column("x", "number")],
        classes=(0, "yes"),
    )
    with pytest.raises(ModelUnsupported, match="several types"):
        lower(folder)


def test_a_column_that_is_called_like_an_output_keeps_its_name(tmp_path: Path) -> None:
    columns = [Column("prediction", "number"), Column("constant_0", "number")]
    outputs = [{"name": column.name, "op": "number", "column": column.name} for column in columns]
    folder = linear_package(tmp_path, columns, outputs)
    graph = lower(folder)
    assert [tensor.name for tensor in graph.outputs] == ["output.prediction"]
    check(folder, graph)


@pytest.mark.promise("export.graph")
def test_the_graph_names_its_package_and_is_the_same_each_time(tmp_path: Path) -> None:
    folder = made.trained(tmp_path, "trees", "binary")
    notes = {**NOTES, "mlwright.model": "flights", "mlwright.package": folder.name}
    first, second = lower_package(folder, notes), lower_package(folder, notes)
    assert first.data == second.data
    model = onnx.load_model_from_string(first.data)
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["mlwright.package"] == folder.name
    assert json.loads(said["mlwright.classes"]) == ["late", "punctual"]
    assert (said["mlwright.task"], said["mlwright.threshold"]) == ("binary", "0.4")
    assert [(tensor.name, tensor.datatype) for tensor in first.inputs] == [
        ("distance", "FP64"),
        ("flight", "FP64"),
        ("carrier", "BYTES"),
        ("tail", "BYTES"),
        ("is_night", "FP64"),
        ("at", "INT64"),
    ]
    assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in first.outputs] == [
        ("prediction", "BYTES", (-1, 1)),
        ("score", "FP64", (-1, 1)),
        ("probabilities", "FP64", (-1, 2)),
    ]


@pytest.mark.promise("export.graph")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_exported_graph_comes_back_by_import_with_its_classes_and_threshold(
    tmp_path: Path, task: Task
) -> None:
    folder = made.trained(tmp_path, "trees", task)
    model = imported(convert_onnx(lower(folder).data), "back")
    back = tmp_path / publish_package(tmp_path, model.content)
    assert model.check(back).label_flips == 0
    signature = model.content.signature
    assert (model.content.task, signature.classes) == (task, made.CLASSES[task])
    assert signature.threshold == (0.4 if task == "binary" else None)
    check(back, lower(back))


def test_an_exported_graph_whose_notes_were_changed_is_refused(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(lower(made.trained(tmp_path, "trees", "binary")).data)
    for task, classes in (("binary", "[0]"), ("multiclass", "[0, 1, 2]"), ("binary", "{")):
        onnx.helper.set_model_props(
            model, {"mlwright.task": task, "mlwright.classes": classes, "mlwright.threshold": "0.5"}
        )
        with pytest.raises(ModelUnsupported, match="the graph"):
            convert_onnx(model.SerializeToString())


@pytest.mark.promise("export.exact")
def test_an_imported_graph_is_exported_as_it_is(tmp_path: Path) -> None:
    model = imported(convert_onnx(graphs.columns_graph()), "m")
    folder = tmp_path / publish_package(tmp_path, model.content)
    graph = lower(folder)
    check(folder, graph)
    assert {tensor.name for tensor in graph.inputs} == {"amount", "shop", "visits"}


def network_package(folder: Path, opset: int, *nodes: onnx.NodeProto, domain: str = "", **more: Any) -> Path:
    """Publish a graph of one float32 matrix that reads the numbers of flights, two of them shifted."""
    scaling = {"fill": 0.0, "mean": 900.0, "scale": 400.0}
    outputs = [
        {"name": "distance", "op": "scale", "column": "distance", **scaling},
        {"name": "flight", "op": "scale", "column": "flight", **scaling},
        {"name": "night", "op": "onehot", "column": "is_night", "level": "true"},
    ]
    weights = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["matrix", "weights"], ["logits"]), *nodes],
        "network",
        [onnx.helper.make_tensor_value_info("matrix", onnx.TensorProto.FLOAT, ["n", 3])],
        [
            onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 2]),
            onnx.helper.make_tensor_value_info(
                "probabilities", onnx.TensorProto.FLOAT, ["n", more.get("width", 2)]
            ),
        ],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    if domain:
        opsets.append(onnx.helper.make_opsetid(domain, 3 if domain == "ai.onnx.ml" else 1))
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    columns = [item for item in made.COLUMNS if item.name in ("distance", "flight", "is_night")]
    return made.columns_package(
        folder,
        document(columns, outputs),
        model.SerializeToString(),
        engine="onnx",
        task="binary",
        columns=columns,
    )


SOFTMAX = onnx.helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1)


@pytest.mark.promise("export.graph")
@pytest.mark.parametrize("opset", [13, 18, 20])
def test_a_network_becomes_the_last_part_of_the_graph(tmp_path: Path, opset: int) -> None:
    folder = network_package(tmp_path, opset, SOFTMAX)
    graph = lower(folder)
    assert [tensor.name for tensor in graph.outputs] == ["prediction", "score", "probabilities"]
    report = check(folder, graph, made.flights())
    assert report.label_flips == 0
    assert report.largest_difference < 1e-6


@pytest.mark.promise("export.gate")
def test_a_network_whose_operators_are_of_another_time_is_refused(tmp_path: Path) -> None:
    normal = onnx.helper.make_node(
        "Normalizer", ["logits"], ["probabilities"], domain="ai.onnx.ml", norm="L1"
    )
    with pytest.raises(ModelUnsupported, match="operators that others have not: Normalizer"):
        lower(network_package(tmp_path, 18, normal, domain="ai.onnx.ml"))
    own = onnx.helper.make_node("Gelu", ["logits"], ["probabilities"], domain="com.microsoft")
    with pytest.raises(ModelUnsupported, match=r"operators that others have not: com\.microsoft"):
        lower(network_package(tmp_path, 18, own, domain="com.microsoft"))
    with pytest.raises(
        ModelUnsupported, match="does not say how many numbers its output 'probabilities' has"
    ):
        lower(network_package(tmp_path, 20, SOFTMAX, width="k"))


@cache
def estimators() -> list[Any]:
    """Give fitted estimators whose packages have averages, categories, named columns and folded steps."""
    table = made.flights()
    y = made.target(table, "multiclass")
    numbers = table.select("distance", "flight").fill_null(0.5).to_numpy().astype(float)
    texts = table["carrier"].fill_null("").to_numpy().astype(object)
    both = np.column_stack([numbers.astype(object), texts])
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), [2]),
        ]
    )
    steps = {"max_iter": 10, "random_state": 1}
    codes = OrdinalEncoder().fit_transform(texts[:, None])
    return [
        RandomForestClassifier(12, random_state=1).fit(numbers, y),
        ExtraTreesRegressor(8, random_state=1).fit(numbers, y),
        GradientBoostingClassifier(n_estimators=8, random_state=1).fit(numbers, y),
        HistGradientBoostingClassifier(categorical_features=[2], **steps).fit(
            np.column_stack([numbers, codes]), y > 0
        ),
        make_pipeline(columns, LogisticRegression(max_iter=200)).fit(both, y),
        make_pipeline(columns, HistGradientBoostingRegressor(**steps)).fit(both, y),
        *[
            CalibratedClassifierCV(make_pipeline(columns, model), method="isotonic", cv=2).fit(both, y)
            for model in (LogisticRegression(max_iter=200), RandomForestClassifier(5, random_state=1))
        ],
    ]


@pytest.mark.promise("export.exact")
@pytest.mark.parametrize("which", range(8))
def test_an_imported_estimator_is_exported_with_its_averages_categories_and_steps(
    tmp_path: Path, which: int
) -> None:
    folder = tmp_path / publish_package(tmp_path, import_fitted(estimators()[which], "m").content)
    report = check(folder, lower(folder))
    assert report.made_rows == 10_000
    assert report.largest_difference < 1e-12
