"""`model.trees` as one ONNX node.

Idea: the operator `TreeEnsemble` (ai.onnx.ml 5) compares and adds float64, as the kernels do, and adds the
trees in their order; so thresholds, leaves and sums stay the same bits. Where its nodes know less than ours,
the matrix gets another view of a column: LightGBM's "zero is missing" becomes NaN, and a category its whole
number and 1. The start of a sum is a tree with one leaf, first in order.

Readers differ in whether sets of categories are listed in the order of nodes or of a walk, and the reference
implementation of ONNX ends a set at its member 0. So nodes stand in the order of a walk, and members begin
at 1.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from mlwright.packaging.forest_file import MISSING_NONE, MISSING_ZERO, ZERO, ForestFile, Integers
from mlwright.packaging.graph_builder import TREE_DOMAIN, GraphBuilder

LESS_OR_EQUAL, MEMBER = 0, 6  # modes of nodes in the operator
SUM, NO_POST = 1, 0
WORD = 32
NEVER = -3  # a category that no row has, for a set of none


@dataclass
class _Leaves:
    output: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def add(self, output: int, value: float) -> int:
        self.output.append(output)
        self.value.append(value)
        return len(self.value) - 1


@dataclass
class _Nodes:
    """The arrays of the operator."""

    feature: list[int] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)
    true_at: list[int] = field(default_factory=list)
    true_is_leaf: list[int] = field(default_factory=list)
    false_at: list[int] = field(default_factory=list)
    false_is_leaf: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    leaves: _Leaves = field(default_factory=_Leaves)

    def add_leaf_tree(self, output: int, value: float) -> None:
        """Add a tree that gives one value to every row: the operator wants a split."""
        self.roots.append(len(self.feature))
        self.feature.append(0)
        self.mode.append(LESS_OR_EQUAL)
        self.split.append(np.inf)
        self.tracks.append(1)
        for places, is_leaf in ((self.true_at, self.true_is_leaf), (self.false_at, self.false_is_leaf)):
            places.append(self.leaves.add(output, value))
            is_leaf.append(1)


def lower_trees(
    builder: GraphBuilder, forest: ForestFile, matrix: str, *, whole: Collection[int] = ()
) -> str:
    """Add the trees and give the name of their sums `[rows, outputs]`, divided where the forest averages.

    `whole` are the features that hold nothing but whole numbers from -1.
    """
    matrix, column = _views(builder, forest, matrix, whole)
    nodes = _nodes(forest, column)
    attributes: dict[str, Any] = {}
    if nodes.members:
        attributes["membership_values"] = numpy_helper.from_array(np.array(nodes.members, dtype=np.float64))
    raw = builder.add(
        "TreeEnsemble",
        matrix,
        domain=TREE_DOMAIN,
        aggregate_function=SUM,
        post_transform=NO_POST,
        n_targets=len(forest.base),
        tree_roots=nodes.roots,
        nodes_featureids=nodes.feature,
        nodes_modes=numpy_helper.from_array(np.array(nodes.mode, dtype=np.uint8)),
        nodes_splits=numpy_helper.from_array(np.array(nodes.split, dtype=np.float64)),
        nodes_missing_value_tracks_true=nodes.tracks,
        nodes_truenodeids=nodes.true_at,
        nodes_trueleafs=nodes.true_is_leaf,
        nodes_falsenodeids=nodes.false_at,
        nodes_falseleafs=nodes.false_is_leaf,
        leaf_targetids=nodes.leaves.output,
        leaf_weights=numpy_helper.from_array(np.array(nodes.leaves.value, dtype=np.float64)),
        **attributes,
    )
    divisors = forest.divisors
    return raw if (divisors == 1).all() else builder.add("Div", raw, builder.constant(divisors))


def _nodes(forest: ForestFile, column: Integers) -> _Nodes:
    """Give the arrays: first trees for the starts of the sums, then each tree in its order."""
    nodes = _Nodes()
    has_tree = np.bincount(forest.output, minlength=len(forest.base)) > 0
    for output, value in enumerate(forest.base.tolist()):
        if value != 0 or not has_tree[output]:
            nodes.add_leaf_tree(output, value)
    for root, output in zip(forest.root.tolist(), forest.output.tolist(), strict=True):
        if root < 0:
            nodes.add_leaf_tree(output, float(forest.leaf[~root]))
        else:
            nodes.roots.append(~root)  # its place is known below
    order = _walk(forest)
    place = {node: len(nodes.feature) + at for at, node in enumerate(order)}
    nodes.roots = [place[~root] if root < 0 else root for root in nodes.roots]
    tracks = _tracks_true(forest)
    owner = forest.owners()
    for node in order:
        is_set = bool(forest.is_categorical[node])
        nodes.feature.append(int(column[node]))
        nodes.mode.append(MEMBER if is_set else LESS_OR_EQUAL)
        nodes.split.append(0.0 if is_set else float(forest.threshold[node]))
        nodes.tracks.append(int(tracks[node]))
        if is_set:
            nodes.members += [*(item + 1.0 for item in forest.categories(node) or [NEVER]), np.nan]
        output = int(forest.output[owner[node]])
        for child, places, is_leaf in (
            (int(forest.left[node]), nodes.true_at, nodes.true_is_leaf),
            (int(forest.right[node]), nodes.false_at, nodes.false_is_leaf),
        ):
            is_leaf.append(int(child < 0))
            places.append(
                place[child] if child >= 0 else nodes.leaves.add(output, float(forest.leaf[~child]))
            )
    return nodes


def _walk(forest: ForestFile) -> list[int]:
    """Give the nodes tree by tree, each before its left side, and that before its right side."""
    order: list[int] = []
    for root in forest.root.tolist():
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node >= 0:
                order.append(node)
                waiting += [int(forest.right[node]), int(forest.left[node])]
    return order


def _tracks_true(forest: ForestFile) -> npt.NDArray[np.bool_]:
    """Tell for each node whether NaN goes left."""
    is_default = forest.is_default_left
    as_zero = forest.threshold >= 0.0  # a node that knows no missing value reads NaN as 0
    numeric = np.where(forest.missing == MISSING_NONE, as_zero, is_default)
    return np.where(forest.is_categorical, is_default & (forest.missing > MISSING_ZERO), numeric)


def _views(
    builder: GraphBuilder, forest: ForestFile, matrix: str, whole: Collection[int]
) -> tuple[str, Integers]:
    """Give a matrix that has the columns the nodes ask for, and the column of each node."""
    is_known = np.isin(forest.feature, list(whole))
    is_zero = ~forest.is_categorical & (forest.missing == MISSING_ZERO)
    column, width, parts = forest.feature.copy(), forest.features, [matrix]
    for is_chosen, view in (
        (is_zero, _zero_as_missing),
        (forest.is_categorical & is_known, _next),
        (forest.is_categorical & ~is_known, _category),
    ):
        chosen = np.unique(forest.feature[is_chosen])
        if not len(chosen):
            continue
        column[is_chosen] = width + np.searchsorted(chosen, forest.feature[is_chosen])
        values = builder.add("Gather", matrix, builder.constant(chosen, np.int64), axis=1)
        limit = float(WORD * forest.bits_len[is_chosen].max())
        parts.append(view(builder, values, limit))
        width += len(chosen)
    return (matrix if len(parts) == 1 else builder.add("Concat", *parts, axis=1)), column


def _zero_as_missing(builder: GraphBuilder, values: str, _limit: float) -> str:
    is_zero = builder.add("LessOrEqual", builder.add("Abs", values), builder.constant(ZERO))
    return builder.add("Where", is_zero, builder.constant(np.nan), values)


def _next(builder: GraphBuilder, values: str, _limit: float) -> str:
    return builder.add("Add", values, builder.constant(1.0))


def _category(builder: GraphBuilder, values: str, limit: float) -> str:
    """Cut fractions off towards 0 and add 1; what no set can hold becomes 0, NaN stays."""
    is_outside = builder.add(
        "Or",
        builder.add("LessOrEqual", values, builder.constant(-1.0)),
        builder.add("GreaterOrEqual", values, builder.constant(limit)),
    )
    is_nought = builder.add("Less", values, builder.constant(0.0))
    following = _next(builder, builder.add("Floor", values), limit)
    whole = builder.add("Where", is_nought, builder.constant(1.0), following)
    return builder.add("Where", is_outside, builder.constant(0.0), whole)
