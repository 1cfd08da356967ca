"""Read ONNX graphs as data: tensors in, tensors out, nothing outside the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import onnx

from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import UNREADABLE
from mlwright.packaging.kernel_model import Task
from mlwright.packaging.package import JsonObject

DATATYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "FP32",
    onnx.TensorProto.DOUBLE: "FP64",
    onnx.TensorProto.INT64: "INT64",
    onnx.TensorProto.INT32: "INT32",
    onnx.TensorProto.BOOL: "BOOL",
    onnx.TensorProto.STRING: "BYTES",
}
FLOATS = ("FP32", "FP64")


@dataclass(frozen=True)
class Graph:
    """A graph's bytes, its tensors, and what its output means. `width` is the classes of a classifier."""

    data: bytes
    inputs: tuple[JsonObject, ...]
    outputs: tuple[JsonObject, ...]
    task: Task
    width: int
    labels: tuple[int | float | str, ...] = ()
    """The classes that the graph names, in the order of their probabilities; empty when it names none."""
    texts: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    """Texts and whole numbers that the graph looks up in its inputs."""
    threshold: float = 0.5
    """The score from which a graph of two classes says the second."""


def read_graph(data: bytes) -> Graph:
    """Check a graph and describe it.

    Raises `ModelUnsupported` when it is not ONNX, keeps data outside the file, or has inputs or outputs that
    are no tensors.
    """
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except Exception as cause:  # protobuf and the checker raise what they like; all of it means the same
        raise ModelUnsupported(
            "the file is not an ONNX model that onnx accepts", hint="check it with `onnx.checker.check_model`"
        ) from cause
    _refuse_external_data(model)
    labels: tuple[int | float | str, ...] = next(
        (found for node in model.graph.node if (found := _labels(node))), ()
    )
    _remove_zip_map(model)
    initial = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(_tensor(value) for value in model.graph.input if value.name not in initial)
    outputs = tuple(_tensor(value) for value in model.graph.output)
    task, width = _meaning(model, outputs)
    threshold = 0.5
    said = _said(model, outputs)
    if said is not None:
        task, labels, threshold = said
        width = len(labels)
    named = labels if len(labels) == width else ()
    texts, codes = _looked_up(model)
    data = model.SerializeToString(deterministic=True)
    return Graph(data, inputs, outputs, task, width, named, texts, codes, threshold)


def _said(
    model: onnx.ModelProto, outputs: Sequence[JsonObject]
) -> tuple[Task, tuple[int | float | str, ...], float] | None:
    """Give task, classes and threshold of a graph that `mlwright model export` wrote, None for others."""
    notes: Mapping[str, str] = {entry.key: entry.value for entry in model.metadata_props}
    task: Task | None = next((known for known in get_args(Task) if known == notes.get("mlwright.task")), None)
    if task is None:
        return None
    try:
        labels = tuple(json.loads(notes["mlwright.classes"]))
        threshold = json.loads(notes["mlwright.threshold"])
    except UNREADABLE as cause:
        raise ModelUnsupported(
            f"what the graph says of itself cannot be read: {cause}", hint="export it with mlwright again"
        ) from cause
    widths = [shape[-1] for item in outputs if isinstance(shape := item["shape"], list)]
    counts = {"regression": (0,), "binary": (2,)}.get(task, tuple(widths))
    is_plain = all(isinstance(label, int | float | str) for label in labels)
    if not is_plain or len(labels) not in counts or (labels and len(labels) not in widths):
        raise ModelUnsupported(
            f"the graph says that it is {task} with the classes {list(labels)}, its outputs do not",
            hint="export it with mlwright again",
        )
    return task, labels, float(threshold) if isinstance(threshold, int | float) else 0.5


def _refuse_external_data(model: onnx.ModelProto) -> None:
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
        raise ModelUnsupported(
            "the model keeps weights outside its file", hint="save it again with all weights inside"
        )


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Give every tensor of a graph: its weights, constants, and those of graphs inside nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _tensors(inner)


def _remove_zip_map(model: onnx.ModelProto) -> None:
    """Take the list of dictionaries off that some exporters put at the end."""
    graph = model.graph
    for node in list(graph.node):
        if node.op_type != "ZipMap":
            continue
        graph.node.remove(node)
        for output in graph.output:
            if output.name == node.output[0]:
                width = len(_labels(node))
                output.CopyFrom(
                    onnx.helper.make_tensor_value_info(
                        node.input[0], onnx.TensorProto.FLOAT, [None, width or None]
                    )
                )


def _labels(node: onnx.NodeProto) -> tuple[int | str, ...]:
    """Give the classes that a classifier or a ZipMap names."""
    for attribute in node.attribute:
        if attribute.name in ("classlabels_int64s", "classlabels_ints", "classlabels_strings"):
            return tuple(attribute.ints) or tuple(text.decode() for text in attribute.strings)
    return ()


def _looked_up(model: onnx.ModelProto) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Give the keys of the encoders of a graph."""
    keys = [
        attribute
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.name.startswith(("keys_", "cats_"))
    ]
    texts = {text.decode() for attribute in keys for text in attribute.strings}
    codes = {int(code) for attribute in keys for code in attribute.ints}
    return tuple(sorted(texts)), tuple(sorted(codes))


def _tensor(value: onnx.ValueInfoProto) -> JsonObject:
    kind = value.type.tensor_type
    datatype = DATATYPES.get(int(kind.elem_type)) if value.type.HasField("tensor_type") else None
    if datatype is None:
        raise ModelUnsupported(
            f"{value.name!r} is no tensor of a type that can be served",
            hint="export with tensors only; for scikit-learn pass options={id(model): {'zipmap': False}}",
        )
    shape = [
        size.dim_value if size.HasField("dim_value") and size.dim_value > 0 else -1 for size in kind.shape.dim
    ]
    return {"name": value.name, "datatype": datatype, "shape": shape or [-1]}


def _meaning(model: onnx.ModelProto, outputs: Sequence[JsonObject]) -> tuple[Task, int]:
    """Tell a classifier by its operators or by a second output of probabilities beside labels."""
    operators = {node.op_type for node in model.graph.node}
    classifies = any(name.endswith("Classifier") for name in operators) or bool(operators & {"Softmax"})
    classifies |= len(outputs) == 2 and outputs[0]["datatype"] in ("INT64", "BYTES")
    floats = [output for output in outputs if output["datatype"] in FLOATS]
    shape = floats[-1]["shape"] if floats else [-1]
    assert isinstance(shape, list)
    width = int(shape[1]) if len(shape) == 2 else 1
    if not classifies or width < 2:
        return "regression", 0
    return ("binary", 2) if width == 2 else ("multiclass", width)
