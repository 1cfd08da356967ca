"""What a CatBoost model saved as JSON says, without the library."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import MOST_FEATURES, MOST_OUTPUTS, UNREADABLE, bounded

SAVE_HINT = 'write it with `model.save_model("model.json", format="json")`'
POOL_HINT = (
    'write it with `model.save_model("model.json", format="json", pool=train_pool)`, which adds the texts of '
    "the categories"
)
MOST_DEPTH = 20  # of an oblivious tree; CatBoost stops at 16
MOST_BRANCHES = 200  # one below the other in other trees; CatBoost stops at 64 leaves


@dataclass(frozen=True)
class NumberTest:
    """True when the float32 of a feature is above the border, or it is missing and that counts as high."""

    feature: int
    border: float
    is_missing_high: bool


@dataclass(frozen=True)
class CategoryTest:
    """True when a feature is one category, named by the hash of its text."""

    feature: int
    code: int


Test: TypeAlias = NumberTest | CategoryTest


@dataclass(frozen=True)
class ObliviousTree:
    """A tree with one test for each level: test number i gives bit i of the number of the leaf."""

    tests: tuple[Test, ...]
    leaves: tuple[tuple[float, ...], ...]
    """Values of each leaf, one per output."""


@dataclass(frozen=True)
class Branch:
    """An inner node of a tree that is not oblivious; the second side is where its test is true."""

    test: Test
    sides: tuple[Branch | tuple[float, ...], Branch | tuple[float, ...]]


SourceTree: TypeAlias = "ObliviousTree | Branch | tuple[float, ...]"


@dataclass(frozen=True)
class CatboostFile:
    """A model as the file has it."""

    names: tuple[str, ...]
    """One for each feature, empty where it has none."""
    categorical: tuple[int, ...]
    texts: dict[int, str]
    """Text of a category by its hash."""
    loss: str
    classes: tuple[object, ...]
    scale: float
    bias: tuple[float, ...]
    trees: tuple[SourceTree, ...]


def read_catboost(data: bytes) -> CatboostFile:
    """Read a file. Raises `ModelUnsupported` for other files, and for splits that no tree can hold."""
    if data.startswith(b"CBM1"):
        raise ModelUnsupported("the file is CatBoost's binary format", hint=SAVE_HINT)
    try:
        return _model(json.loads(data))
    except UNREADABLE as cause:
        raise ModelUnsupported(
            f"the file is not a CatBoost model: {type(cause).__name__} {cause}", hint=SAVE_HINT
        ) from cause


# A document is whatever the file holds; what does not fit fails in `read_catboost`.
def _model(document: Any) -> CatboostFile:
    features, about = document["features_info"], document["model_info"]
    for kind in ("text_features", "embedding_features"):
        if features.get(kind):
            raise ModelUnsupported(
                f"the model reads {kind.replace('_', ' ')}", hint="train on numbers and categories"
            )
    numbers = features.get("float_features") or []
    categories = features.get("categorical_features") or []
    scale, bias = document["scale_and_bias"]
    reader = _Reader(numbers, categories, outputs=len(bias))
    places = [bounded(item["flat_feature_index"], MOST_FEATURES) for item in (*numbers, *categories)]
    names = {item["flat_feature_index"]: str(item.get("feature_id", "")) for item in (*numbers, *categories)}
    trees: list[SourceTree] = [reader.oblivious(tree) for tree in document.get("oblivious_trees", ())]
    trees += [reader.branch(tree, 0) for tree in document.get("trees", ())]
    if not trees:
        raise ModelUnsupported("the model has no trees", hint="train it for at least one iteration")
    classes = tuple(about.get("class_params", {}).get("class_names", ()))
    if classes and (
        len(classes) != max(2, len(bias)) or not all(isinstance(item, str | int | float) for item in classes)
    ):
        raise ValueError(f"{len(bias)} outputs have the classes {classes}")
    counted = bounded(about.get("class_params", {}).get("classes_count", 0), MOST_OUTPUTS)
    if len(bias) > 1 and counted > len(bias):
        raise ModelUnsupported(
            f"the model was told of {counted} classes and has seen {len(bias)} of them",
            hint="train without `classes_count`, or with rows of each class",
        )
    return CatboostFile(
        names=tuple(names.get(place, "") for place in range(max(places, default=-1) + 1)),
        categorical=tuple(item["flat_feature_index"] for item in categories),
        texts={int(item["hash"]): str(item["value"]) for item in features.get("cat_features_hash") or ()},
        loss=str(about["params"]["loss_function"]["type"]),
        classes=classes,
        scale=float(scale),
        bias=tuple(float(value) for value in bias),
        trees=tuple(trees),
    )


@dataclass(frozen=True)
class _Reader:
    numbers: list[Any]
    categories: list[Any]
    outputs: int

    def test(self, split: Any) -> Test:
        kind = split["split_type"]
        if kind == "FloatFeature":
            feature = self.numbers[split["float_feature_index"]]
            with np.errstate(over="ignore"):
                border = float(np.float32(split["border"]))
            return NumberTest(
                feature["flat_feature_index"],
                border,
                is_missing_high=feature["nan_value_treatment"] == "AsTrue",
            )
        if kind == "OneHotFeature":
            feature = self.categories[split["cat_feature_index"]]
            return CategoryTest(feature["flat_feature_index"], int(split["value"]) % 2**32)
        raise ModelUnsupported(
            f"a split is {kind}: it looks up statistics of the training data, which no tree holds",
            hint="train with a larger one_hot_max_size, or turn the categories into numbers before training",
        )

    def oblivious(self, tree: Any) -> ObliviousTree:
        tests = tuple(self.test(split) for split in tree.get("splits") or ())
        values, count = tree["leaf_values"], self.outputs
        if len(tests) > MOST_DEPTH or len(values) != count << len(tests):
            raise ValueError(f"a tree of {len(tests)} splits has {len(values)} leaf values")
        leaves = (values[at : at + count] for at in range(0, len(values), count))
        return ObliviousTree(tests, tuple(self.leaf(leaf) for leaf in leaves))

    def branch(self, tree: Any, depth: int) -> Branch | tuple[float, ...]:
        if "split" not in tree:
            return self.leaf(tree["value"])
        if depth > MOST_BRANCHES:
            raise ValueError(f"a tree is deeper than {MOST_BRANCHES}")
        sides = self.branch(tree["left"], depth + 1), self.branch(tree["right"], depth + 1)
        return Branch(self.test(tree["split"]), sides)

    def leaf(self, value: Any) -> tuple[float, ...]:
        values = tuple(float(item) for item in (value if isinstance(value, list) else [value]))
        if len(values) != self.outputs:
            raise ValueError(f"a leaf has {len(values)} values for {self.outputs} outputs")
        return values
