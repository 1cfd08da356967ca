"""What an XGBoost model file (`.json` or `.ubj`) says, without the library."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import MOST_FEATURES, MOST_OUTPUTS, UNREADABLE, bounded
from mlwright.packaging.ubjson import read_ubjson

Ints = npt.NDArray[np.int64]

SAVE_HINT = 'write it with XGBoost 1.6 or newer: `booster.save_model("model.json")`'


@dataclass(frozen=True)
class SourceTree:
    """One tree, as the file has it: a node without children is a leaf, and its condition is the value."""

    left: Ints
    right: Ints
    feature: Ints
    condition: npt.NDArray[np.float32]
    is_default_left: npt.NDArray[np.bool_]
    categories: dict[int, frozenset[int]]
    """By node, for splits on categories: those that go right."""
    output: int
    weight: float


@dataclass(frozen=True)
class XgboostFile:
    """A model as the file has it."""

    names: tuple[str, ...]
    """Empty when the model was trained without names."""
    kinds: tuple[str, ...]
    features: int
    levels: dict[int, tuple[str, ...]]
    """Categories of a data frame, by feature, in the order of their codes."""
    objective: str
    outputs: int
    base_score: tuple[float, ...]
    trees: tuple[SourceTree, ...]


def read_xgboost(data: bytes) -> XgboostFile:
    """Read a file. Raises `ModelUnsupported` for another file, another booster, or vectors in leaves.

    A file that the scikit-learn interface wrote after early stopping ends with its best iteration, as its
    `predict` does; `Booster.predict` uses all trees, and so does a file that a `Booster` wrote.
    """
    try:
        return _learner(_document(data)["learner"])
    except UNREADABLE as cause:
        raise ModelUnsupported(
            f"the file is not an XGBoost model: {type(cause).__name__} {cause}", hint=SAVE_HINT
        ) from cause


# A document is whatever the file holds; what does not fit fails in `read_xgboost`.
def _document(data: bytes) -> Any:
    # Both formats begin with "{"; then JSON has white space or a quote, UBJSON the marker of a length.
    is_json = data[:1] == b"{" and data[1:2] in (b'"', b" ", b"\n", b"\r", b"\t")
    return json.loads(data) if is_json else read_ubjson(data)


def _learner(learner: Any) -> XgboostFile:
    settings, booster = learner["learner_model_param"], learner["gradient_booster"]
    weights: list[float] | None = None
    if booster["name"] == "dart":
        weights, booster = booster["weight_drop"], booster["gbtree"]
    if booster["name"] != "gbtree":
        raise ModelUnsupported(
            f"the booster is {booster['name']!r}, which has no trees",
            hint="train with booster=gbtree or dart",
        )
    if int(settings.get("num_target", "1")) > 1:
        raise ModelUnsupported(
            "the model predicts several targets", hint="train and import one model for each target"
        )
    model = booster["model"]
    count = _used_trees(learner.get("attributes", {}), model)
    outputs = max(1, bounded(int(settings["num_class"]), MOST_OUTPUTS))
    scores = tuple(float(item) for item in settings["base_score"].strip("[]").split(","))
    return XgboostFile(
        names=tuple(str(name) for name in learner.get("feature_names", ())),
        kinds=tuple(learner.get("feature_types", ())),
        features=bounded(int(settings["num_feature"]), MOST_FEATURES),
        levels=_levels(model.get("cats")),
        objective=str(learner["objective"]["name"]),
        outputs=outputs,
        base_score=scores * outputs if len(scores) == 1 else scores,
        trees=tuple(
            _tree(
                model["trees"][place], model["tree_info"][place], 1.0 if weights is None else weights[place]
            )
            for place in range(count)
        ),
    )


def _used_trees(attributes: dict[str, str], model: Any) -> int:
    trees = len(model["trees"])
    if "best_iteration" not in attributes or "scikit_learn" not in attributes:
        return trees
    rounds = int(attributes["best_iteration"]) + 1
    if "iteration_indptr" in model:
        return int(model["iteration_indptr"][rounds])
    groups = len(set(model["tree_info"]))
    return min(trees, rounds * groups * max(1, int(model["gbtree_model_param"]["num_parallel_tree"])))


def _tree(tree: Any, output: int, weight: float) -> SourceTree:
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise ModelUnsupported(
            "the trees have vectors in their leaves", hint="train with multi_strategy=one_output_per_tree"
        )
    flat = tree.get("categories", [])
    categories = {
        int(node): frozenset(int(item) for item in flat[first : first + size])
        for node, first, size in zip(
            tree.get("categories_nodes", []),
            tree.get("categories_segments", []),
            tree.get("categories_sizes", []),
            strict=True,
        )
    }
    with np.errstate(over="ignore"):
        condition = np.array(tree["split_conditions"], dtype=np.float64).astype(np.float32)
    found = SourceTree(
        left=np.array(tree["left_children"], dtype=np.int64),
        right=np.array(tree["right_children"], dtype=np.int64),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        condition=condition,
        is_default_left=np.array(tree["default_left"], dtype=np.int64) == 1,
        categories=categories,
        output=int(output),
        weight=float(np.float32(weight)),
    )
    arrays = (found.left, found.right, found.feature, found.condition, found.is_default_left)
    nodes = len(tree["left_children"])
    if {array.shape for array in arrays} != {(nodes,)} or not set(categories) <= set(range(nodes)):
        raise ValueError("the lists of a tree have different lengths")
    return found


def _levels(cats: Any) -> dict[int, tuple[str, ...]]:
    """Give the categories that came as a data frame: numbers, or texts joined in one array of bytes.

    XGBoost 3.2 takes the length of a text in letters for its length in bytes and cuts off the rest, so only
    ASCII can be trusted.
    """
    found: dict[int, tuple[str, ...]] = {}
    for place, item in enumerate(cats["enc"] if cats else ()):
        if "offsets" not in item:
            found[place] = tuple(str(value) for value in item["values"])
        elif item["offsets"]:
            text = bytes(value % 256 for value in item["values"])
            if not text.isascii():
                raise ModelUnsupported(
                    f"feature {place} has categories with letters beyond ASCII, which XGBoost writes cut off",
                    hint="train on ASCII categories, or on their codes with feature_types",
                )
            ends = item["offsets"]
            found[place] = tuple(text[a:b].decode() for a, b in itertools.pairwise(ends))
    return found
