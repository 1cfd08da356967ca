"""CatBoost's JSON is read as CatBoost applies it, and served exactly, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlwright.errors import ModelUnsupported
from mlwright.features import NULL_CODE
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.importing import import_catboost
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor

NAN = float("nan")
LARGEST = float(np.finfo(np.float32).max)


def number(border: float, feature: int = 0) -> dict[str, object]:
    return {"border": border, "float_feature_index": feature, "split_type": "FloatFeature"}


def category(code: int, feature: int = 0) -> dict[str, object]:
    return {"cat_feature_index": feature, "split_type": "OneHotFeature", "value": code}


def oblivious(splits: list[dict[str, object]], leaves: list[float]) -> dict[str, object]:
    return {"splits": splits, "leaf_values": leaves}


def document(trees: list[dict[str, object]], **more: Any) -> dict[str, Any]:
    """Build a model of two numbers and, with `categories`, one column of texts behind them."""
    numbers = [
        {"flat_feature_index": place, "feature_id": "", "nan_value_treatment": more.get("missing", "AsIs")}
        for place in range(2)
    ]
    features: dict[str, object] = {"float_features": numbers}
    if "categories" in more:
        features["categorical_features"] = [{"flat_feature_index": 2, "feature_id": "shop"}]
        features["cat_features_hash"] = [
            {"hash": code % 2**32, "value": text} for text, code in more["categories"].items()
        ]
    return {
        "features_info": features | more.get("features", {}),
        "model_info": {
            "params": {"loss_function": {"type": more.get("loss", "RMSE")}},
            "class_params": {"class_names": more.get("classes", []), **more.get("counted", {})},
        },
        "scale_and_bias": more.get("scale_and_bias", [1, [0]]),
        ("trees" if "value" in trees[0] or "split" in trees[0] else "oblivious_trees"): trees,
    }


def packaged(folder: Path, content: dict[str, object]) -> PackagePredictor:
    imported = import_catboost(json.dumps(content).encode(), "m")
    digest = publish_package(folder, imported.content)
    assert imported.check(folder / digest).largest_difference < 1e-12
    return PackagePredictor(folder / digest)


def scores(folder: Path, content: dict[str, object], rows: list[list[float]]) -> list[Any]:
    return packaged(folder, content).predict_matrix(np.array(rows)).tolist()  # type: ignore[no-any-return]


@pytest.mark.promise("import.catboost")
def test_test_number_i_gives_bit_i_of_the_leaf(tmp_path: Path) -> None:
    content = document([oblivious([number(0.5), number(-1.0, 1)], [0.0, 1.0, 2.0, 3.0])])
    rows = [[0.0, -2.0], [1.0, -2.0], [0.0, 0.0], [1.0, 0.0], [0.5, -1.0]]
    assert scores(tmp_path, content, rows) == [0.0, 1.0, 2.0, 3.0, 0.0]


@pytest.mark.promise("import.catboost")
def test_borders_are_compared_after_rounding_to_float32(tmp_path: Path) -> None:
    border = float(np.float32(0.1))
    middle = (border + float(np.nextafter(np.float32(border), np.float32(1)))) / 2
    rows = [[value, 0.0] for value in (0.1, border, np.nextafter(middle, 0), np.nextafter(middle, 1))]
    assert scores(tmp_path, document([oblivious([number(border)], [1.0, 2.0])]), rows) == [1.0, 1.0, 1.0, 2.0]


@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize(("missing", "expected"), [("AsIs", 0.0), ("AsFalse", 0.0), ("AsTrue", 3.0)])
def test_missing_numbers_are_above_all_borders_or_below_all(
    tmp_path: Path, missing: str, expected: float
) -> None:
    splits = [number(LARGEST if missing == "AsTrue" else -LARGEST), number(0.0)]
    content = document([oblivious(splits, [0.0, 1.0, 2.0, 3.0])], missing=missing)
    assert scores(tmp_path, content, [[NAN, NAN]]) == [expected]


@pytest.mark.promise("import.catboost")
def test_tests_whose_answer_is_known_are_left_out(tmp_path: Path) -> None:
    splits = [number(0.0), number(1.0), number(-1.0), number(0.0)]
    content = document([oblivious(splits, [float(leaf) for leaf in range(16)])])
    rows = [[-2.0, 0.0], [-0.5, 0.0], [0.5, 0.0], [2.0, 0.0]]
    assert scores(tmp_path, content, rows) == [0.0, 4.0, 13.0, 15.0]
    model = import_catboost(json.dumps(content).encode(), "m").content.model
    assert len(thresholds_of(model)[0]) == 3


@pytest.mark.promise("import.catboost")
def test_trees_of_other_shapes_are_followed(tmp_path: Path) -> None:
    inner = {"split": number(2.0, 1), "left": {"value": 2.0}, "right": {"value": 3.0}}
    content = document([{"split": number(0.0), "left": {"value": 1.0}, "right": inner}, {"value": 10.0}])
    rows = [[0.0, 9.0], [1.0, 2.0], [1.0, 3.0]]
    assert scores(tmp_path, content, rows) == [11.0, 12.0, 13.0]


@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize("shape", ["oblivious", "other"])
def test_categories_are_texts_and_others_are_on_the_first_side(tmp_path: Path, shape: str) -> None:
    texts = {"kiosk": -5, "żółw": 7}
    tree = oblivious([category(-5), category(7)], [0.0, 1.0, 2.0, NAN])
    tree["leaf_values"] = [0.0, 1.0, 2.0, 99.0]
    if shape == "other":
        inner = {"split": category(7), "left": {"value": 0.0}, "right": {"value": 2.0}}
        tree = {"split": category(-5), "left": inner, "right": {"value": 1.0}}
    predictor = packaged(tmp_path, document([tree], categories=texts))
    assert [(column.name, column.type) for column in predictor.columns] == [
        ("f0", "number"),
        ("f1", "number"),
        ("shop", "string"),
    ]
    codes = np.array([0, 1, 2, NULL_CODE], dtype=np.uint32)
    columns = [
        ("f0", "number", np.zeros(4), None),
        ("f1", "number", np.zeros(4), None),
        ("shop", "string", codes, ["żółw", "kiosk", "mall"]),
    ]
    assert predictor.predict_columns(columns, 4).tolist() == [2.0, 1.0, 0.0, 0.0]


@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize(
    ("loss", "bias", "leaf", "expected"),
    [
        ("Logloss", [0.5], [1.0], 1 / (1 + np.exp(-2.5))),
        ("Poisson", [0.5], [1.0], np.exp(2.5)),
        ("RMSE", [0.5], [1.0], 2.5),
        ("MultiClass", [0.5, 0.5], [1.0, 1.0], [0.5, 0.5]),
        ("MultiClassOneVsAll", [0.5, -2.0], [1.0, 1.0], [1 / (1 + np.exp(-2.5)), 0.5]),
    ],
)
def test_scale_bias_and_loss_make_the_answer(
    tmp_path: Path, loss: str, bias: list[float], leaf: list[float], expected: object
) -> None:
    content = document([oblivious([], leaf)], loss=loss, scale_and_bias=[2.0, bias])
    assert scores(tmp_path, content, [[0.0, 0.0]])[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.promise("import.catboost")
def test_classes_keep_their_names(tmp_path: Path) -> None:
    content = document([oblivious([], [0.0])], loss="Logloss", classes=["no", "yes"])
    assert packaged(tmp_path, content).classes == ["no", "yes"]


DEEP: dict[str, object] = {"value": 0.0}
for _ in range(300):
    DEEP = {"split": number(0.0), "left": DEEP, "right": {"value": 0.0}}
SKIPPED: dict[str, Any] = {
    "loss": "MultiClass",
    "scale_and_bias": [1, [0, 0, 0]],
    "counted": {"classes_count": 4},
}


@pytest.mark.promise("import.catboost")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document([oblivious([], [0.0])], loss="RMSEWithUncertainty"), "RMSEWithUncertainty"),
        (document([oblivious([], [0.0])], loss="MultiClass"), "1 outputs"),
        (document([oblivious([category(3)], [0.0, 1.0])], categories={}), "hash 3"),
        (document([oblivious([{"split_type": "OnlineCtr"}], [0.0, 1.0])]), "statistics of the training data"),
        (document([oblivious([], [0.0])], features={"text_features": [{}]}), "text features"),
        (document([oblivious([number(0.0)], [0.0])]), "1 leaf values"),
        (document([oblivious([number(0.0)] * 60, [0.0])]), "60 splits"),
        (document([oblivious([number(0.0, 5)], [0.0, 1.0])]), "not a CatBoost model"),
        (document([DEEP]), "deeper"),
        (document([oblivious([], [0.0] * 3)], **SKIPPED), "4 classes and has seen 3"),
        ({**document([{"value": 1.0}]), "trees": []}, "no trees"),
        ({}, "not a CatBoost model"),
        ([], "not a CatBoost model"),
    ],
)
def test_what_cannot_be_served_exactly_is_refused(content: object, message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message):
        import_catboost(json.dumps(content).encode(), "m")


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xfe", b"[" * 100_000])
def test_other_files_are_no_catboost_models(data: bytes) -> None:
    with pytest.raises(ModelUnsupported, match="not a CatBoost model"):
        import_catboost(data, "m")


def test_the_binary_format_is_refused_with_the_way_out() -> None:
    with pytest.raises(ModelUnsupported, match="binary") as raised:
        import_catboost(b"CBM1\x00\x00", "m")
    assert 'format="json"' in str(raised.value.hint)
