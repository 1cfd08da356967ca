"""`model.blend` as ONNX nodes: the operations of the compiled code in their order."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx

from mlwright.packaging.blend_file import BlendFile, Line, Network
from mlwright.packaging.forest_file import read_forest
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.lower_trees import lower_trees


def lower_blend(builder: GraphBuilder, blend: BlendFile, matrix: str, *, whole: Collection[int] = ()) -> str:
    """Add forest, networks and line, and give the name of the sums `[rows, outputs]` before the link."""
    parts = []
    if blend.trees is not None:
        parts.append(lower_trees(builder, read_forest(blend.trees), matrix, whole=whole))
    parts += [_network(builder, network, matrix) for network in blend.networks]
    total = parts[0]
    for part in parts[1:]:
        total = builder.add("Add", total, part)
    return total if blend.line is None else _line(builder, blend.line, total)


def _network(builder: GraphBuilder, network: Network, matrix: str) -> str:
    values = builder.add("Gather", matrix, builder.constant(network.columns, np.int64), axis=1)
    if network.limit is not None:
        limits = (builder.constant(-network.limit), builder.constant(network.limit))
        values = builder.add("Clip", values, *limits)
    for number, (weights, bias) in enumerate(network.layers):
        if number:
            values = builder.add("Relu", values)
        sums = builder.add("MatMul", values, builder.constant(weights))
        values = builder.add("Add", sums, builder.constant(bias))
    return values


def _line(builder: GraphBuilder, line: Line, margins: str) -> str:
    """Find the piece by counting the corners below, and the height from its corner."""
    knots, values = np.array(line.knots), np.array(line.values)
    slopes = np.r_[1.0, np.diff(values) / np.diff(knots), 1.0]
    is_above = builder.add("Greater", margins, builder.constant(knots[None, :]))
    counted = builder.add("Cast", is_above, to=onnx.TensorProto.INT64)
    piece = builder.add("ReduceSum", counted, builder.constant([1], np.int64), keepdims=1)
    first = (np.r_[knots[0], knots], np.r_[values[0], values])
    corner, height, slope = (
        builder.add("Gather", builder.constant(table), piece, axis=0) for table in (*first, slopes)
    )
    rise = builder.add("Mul", builder.add("Sub", margins, corner), slope)
    return builder.add("Add", height, rise)
