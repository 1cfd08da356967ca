"""Models of packages as ONNX nodes, from the matrix they read to named outputs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from mlwright.errors import ModelUnsupported
from mlwright.packaging.blend_file import read_blend
from mlwright.packaging.forest_file import read_forest
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.lower_blend import lower_blend
from mlwright.packaging.lower_graph import lower_graph
from mlwright.packaging.lower_trees import lower_trees

CLASS_TYPES: Mapping[type, tuple[npt.DTypeLike, int]] = {
    bool: (np.bool_, onnx.TensorProto.BOOL),
    int: (np.int64, onnx.TensorProto.INT64),
    float: (np.float64, onnx.TensorProto.DOUBLE),
    str: (np.object_, onnx.TensorProto.STRING),
}


@dataclass(frozen=True)
class Decision:
    """How scores become answers: the task, its classes, and the threshold of a binary model."""

    task: str
    classes: tuple[object, ...]
    threshold: float


@dataclass(frozen=True)
class GraphOutput:
    """A tensor that the graph gives: `[rows, width]`."""

    name: str
    type: int
    width: int


def lower_model(
    builder: GraphBuilder, kind: str, data: bytes, matrix: str, *, whole: Collection[int] = ()
) -> tuple[str, int]:
    """Add a model and give the name of its scores `[rows, outputs]`, with their number.

    Raises `ModelUnsupported` for a graph with operators that have no counterpart.
    """
    if kind == "trees":
        forest = read_forest(data)
        raw = lower_trees(builder, forest, matrix, whole=whole)
        return _link(builder, forest.link, forest.slope, raw), len(forest.base)
    if kind == "blend":
        blend = read_blend(data)
        raw = lower_blend(builder, blend, matrix, whole=whole)
        return _link(builder, blend.link, 1.0, raw), blend.outputs
    if kind == "linear":
        document = json.loads(data)
        weights = builder.constant(np.array(document["coefficients"], dtype=np.float64).T)
        sums = builder.add("MatMul", matrix, weights)
        raw = builder.add("Add", sums, builder.constant(document["intercept"]))
        return _link(builder, document["link"], 1.0, raw), len(document["intercept"])
    if kind == "onnx":
        return lower_graph(builder, data, matrix)
    raise ModelUnsupported(
        f"a model of the kind {kind!r} is not known here",
        hint="export with the mlwright that made the package",
    )


def lower_decision(
    builder: GraphBuilder, decision: Decision, scores: str, width: int, names: Mapping[str, str]
) -> list[GraphOutput]:
    """Add what packages answer: `prediction`, for two classes `score`, for classes `probabilities`.

    `names` are those of the outputs. Raises `ModelUnsupported` for classes of several types.
    """
    if decision.task == "regression":
        builder.add("Identity", scores, name=names["prediction"])
        return [GraphOutput(names["prediction"], onnx.TensorProto.DOUBLE, 1)]
    kinds = {type(item) for item in decision.classes}
    kind = CLASS_TYPES.get(next(iter(kinds)), None) if len(kinds) == 1 else None
    if kind is None:
        raise ModelUnsupported(
            f"the classes {list(decision.classes)} are of several types, a tensor has one",
            hint="train on a label of one type",
        )
    answers: list[GraphOutput] = []
    if decision.task == "binary":
        last = builder.constant([width - 1], np.int64)
        score = builder.add("Gather", scores, last, axis=1, name=names["score"])
        answers.append(GraphOutput(score, onnx.TensorProto.DOUBLE, 1))
        is_positive = builder.add("GreaterOrEqual", score, builder.constant(decision.threshold))
        chosen = builder.add("Cast", is_positive, to=onnx.TensorProto.INT64)
        if width == 1:
            other = builder.add("Sub", builder.constant(1.0), score)
            builder.add("Concat", other, score, axis=1, name=names["probabilities"])
        else:
            builder.add("Identity", scores, name=names["probabilities"])
    else:
        chosen = builder.add("ArgMax", scores, axis=1, keepdims=1)
        builder.add("Identity", scores, name=names["probabilities"])
    classes = builder.constant(np.array(decision.classes, dtype=kind[0]), kind[0])
    builder.add("Gather", classes, chosen, axis=0, name=names["prediction"])
    answers.insert(0, GraphOutput(names["prediction"], kind[1], 1))
    probabilities = GraphOutput(names["probabilities"], onnx.TensorProto.DOUBLE, len(decision.classes))
    return [*answers, probabilities]


def _link(builder: GraphBuilder, link: str, slope: float, raw: str) -> str:
    """Turn raw sums into scores by the operations of the compiled code."""
    match link:
        case "identity":
            return raw
        case "sigmoid":
            return _sigmoid(builder, slope, raw)
        case "softmax":
            return builder.add("Softmax", raw, axis=1)
        case "exp":
            return builder.add("Exp", raw)
        case "ova":
            each = _sigmoid(builder, slope, raw)
            total = builder.add("ReduceSum", each, builder.constant([1], np.int64), keepdims=1)
            return builder.add("Div", each, total)
        case "softplus":
            return builder.add("Log", builder.add("Add", builder.add("Exp", raw), builder.constant(1.0)))
        case "square":
            return builder.add("Mul", builder.add("Abs", raw), raw)
        case "step":
            is_above = builder.add("Greater", raw, builder.constant(0.0))
            return builder.add("Cast", is_above, to=onnx.TensorProto.DOUBLE)
        case _:
            raise ModelUnsupported(
                f"the link {link!r} is not known here", hint="export with the mlwright that made the package"
            )


def _sigmoid(builder: GraphBuilder, slope: float, raw: str) -> str:
    power = builder.add("Exp", builder.add("Mul", raw, builder.constant(-slope)))
    return builder.add("Div", builder.constant(1.0), builder.add("Add", power, builder.constant(1.0)))
