"""XGBoost models as documents, small enough to check by hand."""

from __future__ import annotations

import struct
from typing import Any


def tree(
    left: list[int],
    right: list[int],
    condition: list[float],
    *,
    feature: list[int] | None = None,
    default_left: list[int] | None = None,
    categories: dict[int, list[int]] | None = None,
) -> dict[str, object]:
    sets = categories or {}
    starts = [sum(len(values) for values in list(sets.values())[:place]) for place in range(len(sets))]
    return {
        "left_children": left,
        "right_children": right,
        "split_conditions": condition,
        "split_indices": feature or [0] * len(left),
        "default_left": default_left or [0] * len(left),
        "categories": [value for values in sets.values() for value in values],
        "categories_nodes": list(sets),
        "categories_segments": starts,
        "categories_sizes": [len(values) for values in sets.values()],
        "tree_param": {"size_leaf_vector": "1"},
    }


def stump(condition: float, low: float, high: float, **more: object) -> dict[str, object]:
    return tree([1, -1, -1], [2, -1, -1], [condition, low, high], **more)  # type: ignore[arg-type]


def document(trees: list[dict[str, object]], **more: Any) -> dict[str, Any]:
    """Build a model; `more` has its objective, base, names, kinds, classes, weights, and so on."""
    outputs = max(1, more.get("classes", 0))
    model: dict[str, object] = {
        "trees": trees,
        "tree_info": [place % outputs for place in range(len(trees))],
        "iteration_indptr": list(range(0, len(trees) + 1, outputs)),
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
    }
    if "encodings" in more:
        model["cats"] = {"enc": more["encodings"]}
    booster: dict[str, object] = {"name": "gbtree", "model": model}
    if "weights" in more:
        booster = {"name": "dart", "gbtree": booster, "weight_drop": more["weights"]}
    return {
        "learner": {
            "attributes": more.get("attributes", {}),
            "feature_names": list(more.get("names", ())),
            "feature_types": list(more.get("kinds", ())),
            "gradient_booster": booster,
            "learner_model_param": {
                "base_score": more.get("base", "0E0"),
                "num_class": str(more.get("classes", 0)),
                "num_feature": str(more.get("features", 2)),
                "num_target": "1",
            },
            "objective": {"name": more.get("objective", "reg:squarederror")},
        },
        "version": [3, 0, 0],
    }


def to_ubjson(value: object) -> bytes:
    """Write UBJSON as XGBoost does: 64-bit lengths, arrays of numbers with their type."""
    if isinstance(value, dict):
        items = b"".join(_text(str(key)) + to_ubjson(item) for key, item in value.items())
        return b"{" + items + b"}"
    if isinstance(value, list):
        if value and all(isinstance(item, float) for item in value):
            return b"[$d#" + _length(len(value)) + struct.pack(f">{len(value)}f", *value)
        if value and all(isinstance(item, int) for item in value):
            return b"[$l#" + _length(len(value)) + struct.pack(f">{len(value)}i", *value)
        return b"[#" + _length(len(value)) + b"".join(to_ubjson(item) for item in value)
    if isinstance(value, str):
        return b"S" + _text(value)
    if isinstance(value, bool) or value is None:
        return {None: b"Z", True: b"T", False: b"F"}[value]
    assert isinstance(value, int)
    return b"l" + struct.pack(">i", value)


def _text(value: str) -> bytes:
    return _length(len(value.encode())) + value.encode()


def _length(value: int) -> bytes:
    return b"L" + struct.pack(">q", value)
