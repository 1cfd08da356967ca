"""Run ONNX graphs with the onnxruntime library from Python: what imports are checked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.errors import ModelUnsupported

if TYPE_CHECKING:
    import onnxruntime

Tensor: TypeAlias = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]

MAIN_OUTPUT = "probabilities"
NUMPY_TYPES: Mapping[str, type[np.generic]] = {
    "FP32": np.float32,
    "FP64": np.float64,
    "INT64": np.int64,
    "INT32": np.int32,
    "BOOL": np.bool_,
    "BYTES": np.object_,
}


def run_graph(data: bytes, tensors: Mapping[str, Tensor], labels: Sequence[object] = ()) -> Tensor:
    """Give the main output of a graph as `[rows, values]`: `probabilities`, else the last one of floats.

    Raises `ModelUnsupported` with the runtime's words.
    """
    outputs = run_outputs(data, tensors, labels)
    return outputs[main_output(outputs)]


def run_outputs(
    data: bytes, tensors: Mapping[str, Tensor], labels: Sequence[object] = ()
) -> dict[str, Tensor]:
    """Give every output of a graph as `[rows, values]`, in the graph's order.

    `labels` is the order of probabilities that come as dictionaries (a ZipMap). Computes on one thread, as
    the server does, so that sums are added in the same order. Raises `ModelUnsupported` with the runtime's
    words.
    """
    try:
        session = open_session(data)
        answers = [_as_array(answer, labels) for answer in session.run(None, dict(tensors))]
    except Exception as cause:  # the runtime's errors share no class of their own
        raise not_run(cause) from cause
    names = [output.name for output in session.get_outputs()]
    return {name: answer.reshape(len(answer), -1) for name, answer in zip(names, answers, strict=True)}


def open_session(data: bytes) -> onnxruntime.InferenceSession:
    """Open a graph on one thread, silent. Raises whatever the runtime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, and said by whom it concerns
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def not_run(cause: Exception) -> ModelUnsupported:
    """Give the failure of a graph that the runtime does not take, in the runtime's words."""
    said = str(cause).splitlines()[0]
    return ModelUnsupported(
        f"onnxruntime does not run the graph: {said}",
        hint="run it with `onnxruntime.InferenceSession` on a row of its inputs, and export it again",
    )


def main_output(outputs: Mapping[str, Tensor]) -> str:
    """Name the output that stands for the prediction: `probabilities`, else the last one of floats."""
    if MAIN_OUTPUT in outputs:
        return MAIN_OUTPUT
    floats = [name for name, answer in outputs.items() if answer.dtype.kind == "f"]
    return floats[-1] if floats else list(outputs)[-1]


def numbers_of(output: Tensor) -> Floats:
    """Give an output as floats; raises `ModelUnsupported` when it is of texts."""
    if output.dtype.kind not in "fiub":
        raise ModelUnsupported(
            "the graph gives texts and no numbers", hint="serve it and ask /v2/models/…/infer"
        )
    return np.asarray(output, dtype=np.float64)


def _as_array(answer: object, labels: Sequence[object]) -> Tensor:
    """Give an output as an array; the list of dictionaries of a ZipMap as a matrix in the order of labels."""
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        return np.array([[row[label] for label in labels] for row in answer], dtype=np.float32)
    return np.atleast_1d(np.asarray(answer))
