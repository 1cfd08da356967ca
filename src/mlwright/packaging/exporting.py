"""A package as one ONNX graph for other servers: raw strings and numbers in, the package's answers out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from mlwright.errors import ModelUnsupported
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.lower_model import Decision, GraphOutput, lower_decision, lower_model
from mlwright.packaging.lower_transform import lower_transform, whole_outputs
from mlwright.packaging.onnx_graph import DATATYPES

DOUBLE, INT64, TEXT = onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64, onnx.TensorProto.STRING
COLUMN_TYPES: Mapping[str, int] = {
    "number": DOUBLE,
    "integer": DOUBLE,
    "boolean": DOUBLE,
    "string": TEXT,
    "timestamp": INT64,
}
OUTPUTS = ("prediction", "score", "probabilities")
MOST_BYTES = 2**31 - 1  # of a protobuf message


@dataclass(frozen=True)
class GraphTensor:
    """A tensor at the border of a graph; -1 stands for the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ExportedGraph:
    """The bytes of a graph and its borders."""

    data: bytes
    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]
    features: str = ""
    """The tensor inside that is the matrix of the transform; empty where there is no transform."""


def lower_package(folder: Path, notes: Mapping[str, str]) -> ExportedGraph:
    """Lower a package that was opened and verified before; `notes` go into the graph's metadata.

    A package of an imported ONNX graph gives that graph. Raises `ModelUnsupported` for what has no exact
    counterpart.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    signature, engine = manifest["signature"], manifest["engine"]
    data = (folder / engine["file"]).read_bytes()
    notes = {**notes, **_notes(manifest)}
    if engine["kind"] == "onnx" and signature["kind"] == "tensor":
        return _as_it_is(data, notes)
    threshold = 0.5 if signature["threshold"] is None else float(signature["threshold"])
    decision = Decision(manifest["task"], tuple(signature["classes"]), threshold)
    inputs = _inputs(signature)
    names = _output_names([tensor.name for tensor in inputs])
    builder = GraphBuilder([*names.values(), *(tensor.name for tensor in inputs)])
    features, whole = "", list[int]()
    if signature["kind"] == "columns":
        transform = json.loads((folder / "transform.json").read_text(encoding="utf-8"))
        columns = {tensor.name: tensor.name for tensor in inputs}
        features = matrix = lower_transform(builder, transform, columns)
        whole = whole_outputs(transform)
    else:
        matrix = inputs[0].name
    scores, width = lower_model(builder, engine["kind"], data, matrix, whole=whole)
    answers = lower_decision(builder, decision, scores, width, names)
    model = builder.build(
        manifest["name"], [_value(tensor) for tensor in inputs], [_answer_value(item) for item in answers]
    )
    return ExportedGraph(
        _bytes(model, notes), inputs, tuple(_answer_tensor(item) for item in answers), features
    )


def with_outputs(data: bytes, names: Sequence[str]) -> bytes:
    """Give a graph that shows tensors inside it too: to find the step that differs."""
    model = onnx.load_model_from_string(data)
    model.graph.output.extend(helper.make_tensor_value_info(name, DOUBLE, None) for name in names)
    return bytes(model.SerializeToString())


def _as_it_is(data: bytes, notes: Mapping[str, str]) -> ExportedGraph:
    model = onnx.load_model_from_string(data)
    initial = {tensor.name for tensor in model.graph.initializer}
    return ExportedGraph(
        _bytes(model, notes),
        tuple(_tensor(value) for value in model.graph.input if value.name not in initial),
        tuple(_tensor(value) for value in model.graph.output),
    )


def _inputs(signature: Mapping[str, Any]) -> tuple[GraphTensor, ...]:
    if signature["kind"] == "tensor":
        return tuple(
            GraphTensor(item["name"], item["datatype"], tuple(item["shape"])) for item in signature["inputs"]
        )
    if any(not item["name"] for item in signature["inputs"]):
        raise ModelUnsupported(
            "a column has the empty name, which no tensor can have", hint="rename the column and train again"
        )
    return tuple(
        GraphTensor(item["name"], DATATYPES[COLUMN_TYPES[item["type"]]], (-1, 1))
        for item in signature["inputs"]
    )


def _output_names(inputs: Sequence[str]) -> dict[str, str]:
    """Name the outputs; one that a column has taken gets `output.` before it."""
    names: dict[str, str] = {}
    for output in OUTPUTS:
        name = output
        while name in inputs:
            name = f"output.{name}"
        names[output] = name
    return names


def _notes(manifest: Mapping[str, Any]) -> dict[str, str]:
    signature = manifest["signature"]
    return {
        "mlwright.task": str(manifest["task"]),
        "mlwright.classes": json.dumps(signature["classes"], ensure_ascii=False),
        "mlwright.positive": json.dumps(signature["positive"], ensure_ascii=False),
        "mlwright.threshold": json.dumps(signature["threshold"]),
        "mlwright.inputs": json.dumps(signature["inputs"], ensure_ascii=False),
    }


def _bytes(model: onnx.ModelProto, notes: Mapping[str, str]) -> bytes:
    known = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**known, **notes})
    if not model.producer_name:
        model.producer_name, model.producer_version = "mlwright", notes["mlwright.release"]
    if model.ByteSize() > MOST_BYTES:
        raise ModelUnsupported(
            f"the graph has {model.ByteSize():,} bytes, a file of ONNX at most {MOST_BYTES:,}",
            hint="train with fewer or smaller trees",
        )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _value(tensor: GraphTensor) -> onnx.ValueInfoProto:
    kind = next(kind for kind, datatype in DATATYPES.items() if datatype == tensor.datatype)
    shape = ["rows" if size < 0 else size for size in tensor.shape]
    return helper.make_tensor_value_info(tensor.name, kind, shape)


def _answer_value(output: GraphOutput) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(output.name, output.type, ["rows", output.width])


def _answer_tensor(output: GraphOutput) -> GraphTensor:
    return GraphTensor(output.name, DATATYPES[output.type], (-1, output.width))


def _tensor(value: onnx.ValueInfoProto) -> GraphTensor:
    kind = value.type.tensor_type
    shape = tuple(size.dim_value if size.dim_value > 0 else -1 for size in kind.shape.dim)
    return GraphTensor(value.name, DATATYPES.get(int(kind.elem_type), "unknown"), shape)
