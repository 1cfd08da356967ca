"""The LightGBM model as one ONNX node, so that ONNX Runtime has nothing else to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from workload import FEATURES, INPUT, OUTPUT


def write_onnx(booster: Any, path: Path) -> Path:
    """Write a binary LightGBM model as a `TreeEnsembleClassifier` on float32 rows."""
    nodes = _Nodes()
    for number, tree in enumerate(booster.dump_model()["tree_info"]):
        nodes.add_tree(number, tree["tree_structure"])
    forest = helper.make_node(
        "TreeEnsembleClassifier",
        [INPUT],
        ["label", OUTPUT],
        domain="ai.onnx.ml",
        post_transform="LOGISTIC",
        classlabels_int64s=[0, 1],
        **nodes.attributes(),
    )
    return _write(forest, OUTPUT, 2, path)


def write_identity(path: Path) -> Path:
    """Write a graph that copies its rows: what a call costs when there is nothing to do."""
    return _write(helper.make_node("Identity", [INPUT], ["copy"]), "copy", FEATURES, path)


def _write(node: onnx.NodeProto, output: str, columns: int, path: Path) -> Path:
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, columns])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
    return path


class _Nodes:
    """The attribute lists of the ONNX node, filled tree by tree."""

    def __init__(self) -> None:
        kinds = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
        self.columns: dict[str, list[Any]] = {f"nodes_{kind}": [] for kind in kinds}
        self.columns |= {f"class_{kind}": [] for kind in ("treeids", "nodeids", "ids", "weights")}

    def attributes(self) -> dict[str, Any]:
        """Give the filled lists."""
        return dict(self.columns)

    def add_tree(self, tree: int, root: dict[str, Any]) -> None:
        """Number the nodes depth first."""
        count = 0

        def add(node: dict[str, Any]) -> int:
            nonlocal count
            place, count = count, count + 1
            row = {"treeids": tree, "nodeids": place, "featureids": 0, "modes": "LEAF", "values": 0.0}
            row |= {"truenodeids": 0, "falsenodeids": 0}
            for kind, value in row.items():
                self.columns[f"nodes_{kind}"].append(value)
            at = len(self.columns["nodes_nodeids"]) - 1
            if "leaf_value" in node:
                leaf = {"treeids": tree, "nodeids": place, "ids": 0, "weights": node["leaf_value"]}
                for kind, value in leaf.items():
                    self.columns[f"class_{kind}"].append(value)
                return place
            assert node["decision_type"] == "<=", "the benchmark's model has numeric splits only"
            split = {
                "featureids": node["split_feature"],
                "modes": "BRANCH_LEQ",
                "values": _below(node["threshold"]),
            }
            split |= {"truenodeids": add(node["left_child"]), "falsenodeids": add(node["right_child"])}
            for kind, value in split.items():
                self.columns[f"nodes_{kind}"][at] = value
            return place

        add(root)


def _below(threshold: float) -> float:
    """The greatest float32 that is not above a threshold: x ≤ t is the same for every float32 x."""
    nearest = np.float32(threshold)
    return float(nearest if nearest <= threshold else np.nextafter(nearest, np.float32(-np.inf)))
