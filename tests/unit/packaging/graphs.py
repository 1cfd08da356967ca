"""Small ONNX graphs for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

Inputs = Mapping[str, tuple[int, Sequence[int | str | None]]]


def graph(
    inputs: Inputs,
    nodes: Sequence[onnx.NodeProto],
    outputs: Inputs,
    weights: Sequence[onnx.TensorProto] = (),
) -> bytes:
    """Write a graph of named tensors."""
    made = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, *about) for name, about in inputs.items()],
        [helper.make_tensor_value_info(name, *about) for name, about in outputs.items()],
        list(weights),
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString())


def columns_graph() -> bytes:
    """A text, a whole number and a float, each of its own tensor, to two probabilities."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["shop"],
            ["level"],
            domain="ai.onnx.ml",
            keys_strings=["deli", "mall"],
            values_floats=[1.0, 2.0],
            default_float=-1.0,
        ),
        helper.make_node("Cast", ["visits"], ["many"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["level", "many", "amount"], ["row"], axis=1),
        helper.make_node("MatMul", ["row", "W"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
    ]
    column = [None, 1]
    inputs: Inputs = {
        "shop": (TensorProto.STRING, column),
        "visits": (TensorProto.INT64, column),
        "amount": (TensorProto.FLOAT, column),
    }
    weights = helper.make_tensor("W", TensorProto.FLOAT, [3, 2], [0.0, 1.0, 0.0, -0.5, 0.0, 0.25])
    return graph(inputs, nodes, {"probabilities": (TensorProto.FLOAT, [None, 2])}, [weights])


def words_graph(known: int = 5, first: float = 0.0) -> bytes:
    """Indices of words, as many as there are, to the mean of their vectors."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["vectors"], axis=0),
        helper.make_node("ReduceMean", ["vectors"], ["meaning"], axes=[1], keepdims=0),
    ]
    values = [first, *(float(number) for number in range(1, 2 * known))]
    table = helper.make_tensor("table", TensorProto.FLOAT, [known, 2], values)
    inputs: Inputs = {"ids": (TensorProto.INT64, ["rows", "words"])}
    return graph(inputs, nodes, {"meaning": (TensorProto.FLOAT, [None, 2])}, [table])


def whole_numbers_graph() -> bytes:
    """A matrix of whole numbers to one float."""
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats", "axes"], ["sum"], keepdims=1),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    inputs: Inputs = {"x": (TensorProto.INT64, [None, 3])}
    return graph(inputs, nodes, {"sum": (TensorProto.FLOAT, [None, 1])}, [axes])


def one_row_graph() -> bytes:
    """A graph that takes exactly one row."""
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    return graph({"x": (TensorProto.FLOAT, [1, 1])}, nodes, {"y": (TensorProto.FLOAT, [1, 1])})


def never_runs_graph() -> bytes:
    """A graph that the checker accepts and that fails on every row: it asks for a size that is not there."""
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "place"], ["size"], axis=0),
        helper.make_node("Cast", ["size"], ["y"], to=TensorProto.FLOAT),
    ]
    place = helper.make_tensor("place", TensorProto.INT64, [1], [7])
    inputs: Inputs = {"x": (TensorProto.FLOAT, [None, "width"])}
    return graph(inputs, nodes, {"y": (TensorProto.FLOAT, [1])}, [place])
