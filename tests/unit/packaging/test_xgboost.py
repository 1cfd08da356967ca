"""XGBoost's files are read as its documentation says, and served exactly, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlwright.errors import ModelUnsupported
from mlwright.features import NULL_CODE
from mlwright.packaging.importing import import_xgboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from tests.unit.packaging.xgboost_documents import document, stump, to_ubjson, tree

NAN = float("nan")
STUMP = stump(0.5, 1.0, 2.0)


def packaged(folder: Path, content: dict[str, object]) -> PackagePredictor:
    imported = import_xgboost(json.dumps(content).encode(), "m")
    digest = publish_package(folder, imported.content)
    assert imported.check(folder / digest).largest_difference < 1e-12
    return PackagePredictor(folder / digest)


def scores(folder: Path, content: dict[str, object], rows: list[list[float]]) -> list[Any]:
    return packaged(folder, content).predict_matrix(np.array(rows)).tolist()  # type: ignore[no-any-return]


@pytest.mark.promise("import.xgboost")
def test_numbers_below_the_condition_go_left_after_rounding_to_float32(tmp_path: Path) -> None:
    tenth = float(np.float32(0.1))  # 0.10000000149…
    below = float(np.nextafter(np.float32(tenth), np.float32(0)))
    middle = (tenth + below) / 2
    rows = [[value, 0.0] for value in (below, np.nextafter(middle, 0), np.nextafter(middle, 1), 0.1, tenth)]
    found = scores(tmp_path, document([stump(tenth, 1.0, 2.0)]), rows)
    assert found == [1.0, 1.0, 2.0, 2.0, 2.0]


@pytest.mark.promise("import.xgboost")
@pytest.mark.parametrize("default_left", [0, 1])
def test_missing_numbers_and_categories_follow_the_default_side(tmp_path: Path, default_left: int) -> None:
    trees = [
        stump(0.5, 1.0, 2.0, default_left=[default_left, 0, 0]),
        stump(0.0, 10.0, 20.0, feature=[1, 0, 0], default_left=[default_left, 0, 0], categories={0: [1, 40]}),
    ]
    rows = [[NAN, 1.0], [0.0, NAN], [0.0, 40.0], [0.0, 2.0], [0.0, -1.0], [0.0, 1e9], [1.0, 64.0]]
    found = scores(tmp_path, document(trees, kinds=("q", "c")), rows)
    missing = [21.0, 11.0] if default_left else [22.0, 21.0]
    assert found == [*missing, 21.0, 11.0, 11.0, 11.0, 12.0]


@pytest.mark.promise("import.xgboost")
@pytest.mark.parametrize(
    ("objective", "base", "expected"),
    [
        ("binary:logistic", "[5E-1]", 1 / (1 + np.exp(-1.0))),
        ("binary:logistic", "2.5E-1", 1 / (1 + 3 * np.exp(-1.0))),
        ("binary:logitraw", "2.5E-1", 1.25),
        ("reg:logistic", "5E-1", 1 / (1 + np.exp(-1.0))),
        ("reg:squarederror", "5E-1", 1.5),
        ("count:poisson", "5E-1", 0.5 * np.e),
        ("reg:tweedie", "5E-1", 0.5 * np.e),
        ("reg:gamma", "2E0", 2 * np.e),
    ],
)
def test_the_base_score_is_a_prediction_before_the_link(
    tmp_path: Path, objective: str, base: str, expected: float
) -> None:
    found = scores(tmp_path, document([STUMP], objective=objective, base=base), [[0.0, 0.0]])
    assert found == [pytest.approx(expected, rel=1e-14)]


@pytest.mark.promise("import.xgboost")
def test_every_class_has_its_trees_and_its_base_score(tmp_path: Path) -> None:
    trees = [stump(0.5, float(value), 0.0) for value in (1, 2, 3)]
    content = document(trees, objective="multi:softprob", classes=3, base="[0E0,-1E0,-2E0]")
    predictor = packaged(tmp_path, content)
    assert (predictor.task, predictor.classes) == ("multiclass", [0, 1, 2])
    assert predictor.predict_matrix(np.array([[0.0, 0.0]]))[0] == pytest.approx([1 / 3] * 3, rel=1e-14)


@pytest.mark.promise("import.xgboost")
def test_dropped_trees_keep_their_weights(tmp_path: Path) -> None:
    content = document([STUMP, STUMP], weights=[0.25, 1.0])
    assert scores(tmp_path, content, [[0.0, 0.0], [1.0, 0.0]]) == [1.25, 2.5]


@pytest.mark.promise("import.xgboost")
@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"best_iteration": "0"}, 3.0),
        ({"best_iteration": "0", "scikit_learn": "{}"}, 1.0),
        ({"best_iteration": "1", "scikit_learn": "{}"}, 2.0),
    ],
)
def test_the_best_iteration_counts_where_predict_uses_it(
    tmp_path: Path, attributes: dict[str, str], expected: float
) -> None:
    content = document([STUMP] * 3, attributes=attributes)
    assert scores(tmp_path, content, [[0.0, 0.0]]) == [expected]


@pytest.mark.promise("import.xgboost")
def test_categories_of_a_data_frame_become_texts_and_null_stays_missing(tmp_path: Path) -> None:
    encodings = [{"offsets": [0, 6, 9], "values": list(b"turtleelk")}, {"type": 15, "values": [5, 70]}]
    trees = [
        stump(0.0, 1.0, 2.0, categories={0: [1]}),
        stump(0.0, 10.0, 20.0, feature=[1, 0, 0], default_left=[1, 0, 0], categories={0: [0]}),
    ]
    content = document(trees, names=("animal", "size"), kinds=("c", "c"), encodings=encodings)
    predictor = packaged(tmp_path, content)
    assert [(column.name, column.type) for column in predictor.columns] == [
        ("animal", "string"),
        ("size", "string"),
    ]
    animals = np.array([0, 1, 2, NULL_CODE, 0], dtype=np.uint32)
    sizes = np.array([0, 1, 1, 1, NULL_CODE], dtype=np.uint32)
    columns = [
        ("animal", "string", animals, ["turtle", "elk", "ant"]),
        ("size", "string", sizes, ["5", "70"]),
    ]
    assert predictor.predict_columns(columns, 5).tolist() == [21.0, 12.0, 11.0, 12.0, 11.0]


@pytest.mark.promise("import.xgboost")
def test_named_codes_of_categories_are_whole_numbers(tmp_path: Path) -> None:
    content = document([stump(0.0, 1.0, 2.0, categories={0: [3]})], names=("a", "b"), kinds=("c", "float"))
    assert [column.type for column in packaged(tmp_path, content).columns] == ["integer", "number"]


@pytest.mark.promise("import.xgboost")
def test_ubjson_says_the_same_as_json() -> None:
    content = document(
        [stump(0.1, -1.5, 2.0, default_left=[1, 0, 0]), stump(3.0, 1.0, 0.3, feature=[1, 0, 0])],
        names=("ż", "b"),
        objective="binary:logistic",
        base="[3E-1]",
    )
    text, binary = json.dumps(content).encode(), to_ubjson(content)
    assert import_xgboost(binary, "m").content == import_xgboost(text, "m").content
    for length in range(len(binary)):
        with pytest.raises(ModelUnsupported):
            import_xgboost(binary[:length], "m")


# What XGBoost 3.2 writes for "żółw": four letters, so four of its seven bytes.
CUT_OFF = [{"offsets": [0, 4], "values": [-59, -68, -61, -77]}]
LOOP = tree([1, 0, -1], [2, 2, -1], [0.5, 0.5, 1.0])
FAR = tree([1, -1, -1], [9, -1, -1], [0.5, 1.0, 1.0])


@pytest.mark.promise("import.xgboost")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document([STUMP], objective="survival:aft"), "survival:aft"),
        (document([STUMP], objective="binary:logistic", base="2E0"), "base score"),
        (document([STUMP], objective="multi:softprob"), "1 outputs"),
        (document([]), "no trees"),
        (document([LOOP]), "second way"),
        (document([FAR]), "second way"),
        (document([stump(NAN, 1.0, 2.0)]), "compares with nan"),
        (document([stump(0.0, 1.0, 2.0, categories={0: [-5]})]), "category -5"),
        (document([stump(0.0, 1.0, 2.0, categories={0: [2**30]})]), "category 1073741824"),
        (document([STUMP], names=("a",)), "1 names for 2 features"),
        (document([STUMP], encodings=CUT_OFF), "beyond ASCII"),
        (document([STUMP], encodings=[{"offsets": [0, 0], "values": []}]), "empty text"),
        (document([STUMP], weights=[]), "not an XGBoost model"),
        (document([{}]), "not an XGBoost model"),
        ({"learner": []}, "not an XGBoost model"),
        ([], "not an XGBoost model"),
        ({"learner": {"gradient_booster": {"name": "gblinear"}, "learner_model_param": {}}}, "gblinear"),
    ],
)
def test_what_cannot_be_served_exactly_is_refused(content: dict[str, object], message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message):
        import_xgboost(json.dumps(content).encode(), "m")


@pytest.mark.parametrize("data", [b"", b"{", b"hello", b"\x00\x01", b"{L" + b"\xff" * 8, b"[" * 5_000])
def test_other_files_are_no_xgboost_models(data: bytes) -> None:
    with pytest.raises(ModelUnsupported, match="not an XGBoost model"):
        import_xgboost(data, "m")
