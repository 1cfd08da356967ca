"""LightGBM text models to `model.trees`, the format that the Rust kernels read (docs/reference/formats.md).

The rules are LightGBM's own (`tree.h`): numeric splits go left when x <= threshold, categorical splits when
the bit of the truncated value is set; missing values follow the default side. Children are written after
their parents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import Answer, Link, TreeArrays
from mlwright.packaging.kernel_model import KernelModel, Task

# LightGBM's kZeroThreshold, 1e-35f: values up to it count as zero, and so do thresholds between.
ZERO = float(np.float32(1e-35))
LINKS: Mapping[str, Link] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "cross_entropy_lambda": "softplus",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
}


def trees_from_lightgbm(text: str) -> KernelModel:
    """Convert the text of `Booster.model_to_string()`.

    Raises `ModelUnsupported` for what the kernels cannot reproduce exactly: linear trees, unknown objectives.
    """
    head, trees = _sections(text)
    outputs = int(head.get("num_tree_per_iteration", "1"))
    link, sigmoid, task = _objective(head, outputs)
    features = tuple(head["feature_names"].split())
    arrays = TreeArrays()
    for number, tree in enumerate(trees):
        _add_tree(arrays, tree, number % outputs)
    answer = Answer(link, (0.0,) * outputs, sigmoid, is_average="average_output" in head)
    # A column of categories lists them (0:1:2), one of numbers gives its range ([0:2]).
    ranges = head.get("feature_infos", "").split()
    categorical = {place for place, text in enumerate(ranges) if text[0] != "[" and text != "none"}
    categorical |= {feature for feature, flag in zip(arrays.feature, arrays.flags, strict=True) if flag & 1}
    levels = _levels(text, sorted(categorical))
    return KernelModel(
        data=arrays.to_bytes(len(features), answer),
        columns=tuple(
            Column(name, "string" if place in levels else "number") for place, name in enumerate(features)
        ),
        outputs=outputs,
        task=task,
        is_named=any(name != f"Column_{place}" for place, name in enumerate(features)),
        levels=levels,
        categorical=frozenset(categorical),
    )


def _sections(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    head: dict[str, str] = {}
    trees: list[dict[str, str]] = []
    current = head
    for line in text.splitlines():
        if line.startswith("end of trees"):
            break
        if line.startswith("Tree="):
            current = {}
            trees.append(current)
        elif "=" in line:
            key, _, value = line.partition("=")
            current[key] = value
        elif line.strip() == "average_output":
            head["average_output"] = ""
    if "feature_names" not in head:
        raise ModelUnsupported(
            "the file is not a LightGBM text model", hint='write it with `booster.save_model("model.txt")`'
        )
    return head, trees


def _objective(head: Mapping[str, str], outputs: int) -> tuple[Link, float, Task]:
    """Give link, slope and task; without an objective (it was a function) raw sums are the answer."""
    name, *settings = head.get("objective", "regression").split()
    link = LINKS.get(name)
    if link == "identity" and "sqrt" in settings:
        link = "square"
    if link is None or (link != "square" and "sqrt" in settings):
        raise ModelUnsupported(
            f"the objective {' '.join([name, *settings])!r} cannot be reproduced exactly",
            hint=f"train with one of: {', '.join(sorted(LINKS))}",
        )
    sigmoid = next((float(item[8:]) for item in settings if item.startswith("sigmoid:")), 1.0)
    if link in ("sigmoid", "softmax"):
        return link, sigmoid, "multiclass" if name.startswith("multiclass") else "binary"
    if outputs > 1:
        raise ModelUnsupported(
            f"the model gives {outputs} raw sums and does not say what they mean",
            hint="train with objective=multiclass",
        )
    return link, sigmoid, "regression"


def _add_tree(arrays: TreeArrays, tree: Mapping[str, str], output: int) -> None:
    if tree.get("is_linear", "0").strip() not in ("", "0"):
        raise ModelUnsupported(
            "the model has linear trees, which no other runtime reproduces",
            hint="train with linear_tree=false",
        )
    first_leaf = len(arrays.leaf)
    arrays.leaf += _floats(tree["leaf_value"])
    arrays.output.append(output)
    if int(tree["num_leaves"]) == 1:
        arrays.root.append(~first_leaf)
        return
    left, right = _ints(tree["left_child"]), _ints(tree["right_child"])
    order = _parents_first(left, right)
    first_node = len(arrays.feature)
    place = {node: first_node + at for at, node in enumerate(order)}
    arrays.root.append(first_node)
    feature, threshold = _ints(tree["split_feature"]), _floats(tree["threshold"])
    decision = _ints(tree["decision_type"])
    bounds, first_word = _ints(tree.get("cat_boundaries", "0")), len(arrays.words)
    arrays.words += _ints(tree.get("cat_threshold", ""))

    def child(number: int) -> int:
        return place[number] if number >= 0 else ~(first_leaf + ~number)

    for node in order:
        is_categorical = decision[node] & 1
        arrays.feature.append(feature[node])
        arrays.flags.append(is_categorical | (decision[node] & 2) | (((decision[node] >> 2) & 3) << 2))
        arrays.threshold.append(0.0 if is_categorical else _threshold(threshold[node]))
        arrays.left.append(child(left[node]))
        arrays.right.append(child(right[node]))
        at = int(threshold[node]) if is_categorical else 0
        arrays.bits_at.append(first_word + bounds[at] if is_categorical else 0)
        arrays.bits_len.append(bounds[at + 1] - bounds[at] if is_categorical else 0)


def _parents_first(left: Sequence[int], right: Sequence[int]) -> list[int]:
    order: list[int] = []
    open_nodes = [0]
    while open_nodes:
        node = open_nodes.pop()
        order.append(node)
        if len(order) > len(left):
            raise ValueError("the nodes of a tree go round in a circle")
        open_nodes += [child for child in (right[node], left[node]) if child >= 0]
    return order


def _threshold(value: float) -> float:
    """Move a threshold inside LightGBM's zero band to its edge, as its own comparison does."""
    if 0 <= value <= ZERO:
        return ZERO
    return float(np.nextafter(-ZERO, -np.inf)) if -ZERO <= value < 0 else value


def _levels(text: str, places: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Give the texts of the columns that pandas held as categories: the categorical ones, in order."""
    line = next((line for line in text.splitlines() if line.startswith("pandas_categorical:")), None)
    levels = json.loads(line.partition(":")[2]) if line is not None else None
    if not levels:
        return {}
    if len(places) != len(levels):
        raise ModelUnsupported(
            f"the model knows levels of {len(levels)} columns but has {len(places)} of categories",
            hint="train on category codes (integers) instead of pandas categories",
        )
    return {
        place: tuple(_text(level) for level in items) for place, items in zip(places, levels, strict=True)
    }


def _text(level: object) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)


def _ints(text: str) -> list[int]:
    return [int(item) for item in text.split()]


def _floats(text: str) -> list[float]:
    return [float(item) for item in text.split()]
