"""A model file that is damaged anywhere is refused with a reason, or read; nothing else happens."""

from __future__ import annotations

import json
import random
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import import_catboost, import_lightgbm, import_xgboost
from tests.unit.packaging.test_catboost import category, number, oblivious
from tests.unit.packaging.test_catboost import document as catboost_document
from tests.unit.packaging.xgboost_documents import document, stump, to_ubjson

BYTES = [0, 1, 0x7F, 0x80, 0xFF, *b'[{"#$LUdNZ-9']
ODD: list[Any] = [
    *(None, True, -1, 0, 1, 2**31, 2**63, 2**70, -(2**70), 1e308, -0.0, float("nan"), float("inf")),
    *("", "x", "nan", "1e999", [], {}, [[]], [None], {"a": 1}, ["0"] * 3, "[1E0,2E0]"),
]
XGBOOST = document(
    [
        stump(0.5, 1.0, 2.0, default_left=[1, 0, 0]),
        stump(0.0, 1.0, 2.0, feature=[1, 0, 0], categories={0: [1, 3]}),
    ],
    names=("a", "b"),
    kinds=("float", "c"),
    encodings=[{"offsets": [], "values": []}, {"offsets": [0, 1, 2, 3, 4], "values": [97, 98, 99, 100]}],
    objective="binary:logistic",
    base="[3E-1]",
)
INNER = {"split": category(5), "left": {"value": [1.0, 2.0]}, "right": {"value": [0.0, 1.0]}}
CATBOOST = catboost_document(
    [oblivious([number(0.5), number(1.0, 1)], [float(leaf) for leaf in range(8)])],
    loss="MultiClass",
    scale_and_bias=[1, [0.5, 1]],
    categories={"kiosk": 5},
)
CATBOOST["trees"] = [{"split": number(0.5), "left": INNER, "right": {"value": [0.0, 1.0]}}]


def lightgbm_text() -> bytes:
    matrix = np.random.default_rng(0).integers(0, 5, size=(300, 3)).astype(float)
    data = lgb.Dataset(matrix, matrix.sum(axis=1), categorical_feature=[2], params={"verbose": -1})
    return lgb.train({"num_leaves": 5, "verbose": -1}, data, 2).model_to_string().encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the way to everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


def ask(read: Any, data: bytes) -> bool:
    """Tell whether it was read; anything but a refusal fails the test."""
    try:
        read(data, "m")
    except ModelUnsupported:
        return False
    return True


@pytest.mark.promise("import.damaged")
@pytest.mark.parametrize(("read", "model"), [(import_xgboost, XGBOOST), (import_catboost, CATBOOST)])
def test_any_value_may_be_any_other(read: Any, model: dict[str, Any]) -> None:
    assert ask(read, json.dumps(model).encode())
    answers = [
        ask(read, json.dumps(changed(model, path, odd)).encode()) for path in places(model) for odd in ODD
    ]
    assert len(answers) > 1_500
    assert 0 < sum(answers) < len(answers) / 2


@pytest.mark.promise("import.damaged")
@pytest.mark.parametrize(
    ("read", "data"),
    [
        (import_xgboost, json.dumps(XGBOOST).encode()),
        (import_xgboost, to_ubjson(XGBOOST)),
        (import_catboost, json.dumps(CATBOOST).encode()),
        (import_lightgbm, lightgbm_text()),
    ],
)
def test_any_byte_may_be_any_other(read: Any, data: bytes) -> None:
    generator = random.Random(4)
    for _ in range(2_000):
        damaged = bytearray(data)
        for _ in range(generator.choice([1, 1, 2, 8])):
            damaged[generator.randrange(len(damaged))] = generator.choice(BYTES)
        ask(read, bytes(damaged))


def test_an_infinite_leaf_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="not finite"):
        import_xgboost(json.dumps(document([stump(0.5, np.inf, 1.0)])).encode(), "m")
