"""A model that is a graph already, as the last part of a larger one: its nodes under names of their own."""

from __future__ import annotations

import onnx
from onnx import compose, version_converter

from mlwright.errors import ModelUnsupported
from mlwright.packaging.graph_builder import OPSET, TREE_DOMAIN, TREE_OPSET, GraphBuilder
from mlwright.packaging.graph_run import MAIN_OUTPUT
from mlwright.packaging.onnx_graph import DATATYPES, FLOATS

STANDARD = ("", "ai.onnx")
HINT = "serve the package itself, or export what it was made from to ONNX at opset 20"


def lower_graph(builder: GraphBuilder, data: bytes, matrix: str) -> tuple[str, int]:
    """Add a graph of one matrix and give the name of its scores `[rows, outputs]`, with their number.

    Raises `ModelUnsupported` for one whose operators have no version that the graph around them has.
    """
    model = _at_opset(onnx.load_model_from_string(data))
    prefix = builder.new_prefix("model")
    graph = compose.add_prefix_graph(model.graph, prefix)
    initial = {tensor.name for tensor in graph.initializer}
    [entry] = [value for value in graph.input if value.name not in initial]
    output = _main_output(graph, prefix)
    kind = entry.type.tensor_type.elem_type
    builder.add("Cast", matrix, name=entry.name, to=kind)
    builder.adopt(graph)
    shape = output.type.tensor_type.shape.dim
    width = shape[1].dim_value if len(shape) == 2 else 1
    if not width:
        raise ModelUnsupported(
            f"the graph does not say how many numbers its output {output.name[len(prefix) :]!r} has",
            hint="name the second size of the output, and package it again",
        )
    scores = builder.add("Cast", output.name, to=onnx.TensorProto.DOUBLE)
    return builder.add("Reshape", scores, builder.constant([-1, width], "int64")), width


def _main_output(graph: onnx.GraphProto, prefix: str) -> onnx.ValueInfoProto:
    """Give the output that stands for the prediction: `probabilities`, else the last one of floats."""
    outputs: list[onnx.ValueInfoProto] = list(graph.output)
    floats = [value for value in outputs if DATATYPES.get(value.type.tensor_type.elem_type) in FLOATS]
    named = [value for value in floats if value.name == f"{prefix}{MAIN_OUTPUT}"]
    return [*floats, *named][-1]


def _at_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give a graph by the versions of operators that the builder says."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    others = [domain for domain in versions if domain not in (*STANDARD, TREE_DOMAIN)]
    used = {node.op_type for node in model.graph.node if node.domain == TREE_DOMAIN}
    is_old = versions.get(TREE_DOMAIN, TREE_OPSET) != TREE_OPSET
    if others or model.functions or (used and is_old):
        what = ", ".join([*others, *sorted(used)]) or "functions"
        raise ModelUnsupported(f"the graph has operators that others have not: {what}", hint=HINT)
    if next(versions[domain] for domain in STANDARD if domain in versions) == OPSET:
        return model
    try:
        converted: onnx.ModelProto = version_converter.convert_version(model, OPSET)
    except Exception as cause:  # the converter's errors share no class of their own
        raise ModelUnsupported(
            f"the graph cannot be written at opset {OPSET}: {str(cause).splitlines()[0]}", hint=HINT
        ) from cause
    return converted
