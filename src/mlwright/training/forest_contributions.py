"""What each column adds to the sums of a forest: LightGBM's TreeSHAP of its trees. scikit-learn has none."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np

from mlwright.training.forest import ForestModel, read_forest, single_rows
from mlwright.training.learner import Floats

DEFAULT_LEFT, MISSING_NAN = 2, 8  # bits of LightGBM's decisions


def forest_contributions(text: str, values: Floats) -> Floats:
    """Give Shapley values `[rows, outputs, columns]`, with the sums that they start from behind them."""
    forest = read_forest(text)
    booster = lgb.Booster(model_str=_lightgbm_text(forest))
    rows = single_rows(values).astype(np.float64)
    found = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1), dtype=np.float64)
    return found.reshape(len(values), -1, values.shape[1] + 1)


def forest_leaves(text: str) -> Floats:
    """Count the leaves of each tree and output."""
    trees = read_forest(text).trees
    return np.repeat([float(tree.n_leaves) for tree, _ in trees], trees[0][1].shape[1])


def _lightgbm_text(forest: ForestModel) -> str:
    outputs = forest.trees[0][1].shape[1]
    head = {
        "version": "v4",
        "num_class": outputs,
        "num_tree_per_iteration": outputs,
        "label_index": 0,
        "max_feature_idx": forest.columns - 1,
        "objective": "regression" if outputs == 1 else f"multiclass num_class:{outputs}",
        "feature_names": " ".join(f"Column_{place}" for place in range(forest.columns)),
        "feature_infos": " ".join(["[-inf:inf]"] * forest.columns),
    }
    trees = [_tree(tree, added[:, output]) for tree, added in forest.trees for output in range(outputs)]
    numbered = [{"Tree": number, **tree} for number, tree in enumerate(trees)]
    return "\n\n".join([f"tree\n{_lines(head)}", *map(_lines, numbered), "end of trees\n"])


def _tree(tree: Any, added: Floats) -> dict[str, object]:
    """Give a tree as LightGBM writes it: inner nodes and leaves apart, and `~leaf` where a leaf is meant."""
    is_leaf = tree.children_left == -1
    place = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
    counts, inner = tree.n_node_samples, ~is_leaf
    leaves = {
        "leaf_value": _words(added[is_leaf]),
        "leaf_weight": _words(counts[is_leaf]),
        "leaf_count": _words(counts[is_leaf]),
    }
    if not inner.any():
        return {"num_leaves": 1, "num_cat": 0, **leaves, "is_linear": 0, "shrinkage": 1}
    decisions = MISSING_NAN + DEFAULT_LEFT * tree.missing_go_to_left[inner].astype(np.int64)
    return {
        "num_leaves": int(is_leaf.sum()),
        "num_cat": 0,
        "split_feature": _words(tree.feature[inner]),
        "split_gain": _words(np.zeros(int(inner.sum()), dtype=np.int64)),
        "threshold": _words(tree.threshold[inner]),
        "decision_type": _words(decisions),
        "left_child": _words(place[tree.children_left[inner]]),
        "right_child": _words(place[tree.children_right[inner]]),
        **leaves,
        "internal_value": _words(added[inner]),
        "internal_weight": _words(counts[inner]),
        "internal_count": _words(counts[inner]),
        "is_linear": 0,
        "shrinkage": 1,
    }


def _words(numbers: Any) -> str:
    return " ".join(repr(number) for number in numbers.tolist())


def _lines(entries: dict[str, object]) -> str:
    return "\n".join(f"{name}={value}" for name, value in entries.items())
