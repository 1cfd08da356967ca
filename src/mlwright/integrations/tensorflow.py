"""Models of Keras and TensorFlow as ONNX graphs by tf2onnx, and their word on any tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf

from mlwright.errors import ModelUnsupported
from mlwright.packaging.conversion import Conversion, Tensors
from mlwright.packaging.graph_run import Tensor

OPSET = 17
SIGNATURE = "serving_default"


def convert_file(path: Path, *, is_trusted: bool) -> Conversion:
    """Open a Keras file or the folder of a SavedModel. Raises `ModelUnsupported`.

    A Keras file with lambdas is a program: it is opened only when trusted.
    """
    if path.is_dir():
        return _convert_saved(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=not is_trusted)
    except ValueError as cause:
        if "safe_mode" not in str(cause) and "unsafe" not in str(cause):
            raise
        raise ModelUnsupported(
            f"{path.name!r} has layers that are programs of their own (Lambda)",
            hint="if you made it yourself, repeat with `--trust`; better write a layer of its own for each",
        ) from cause
    return convert_model(model)


def convert_model(model: Any) -> Conversion:
    """Convert a Keras model. Raises `ModelUnsupported` for what tf2onnx cannot write."""
    signature = [
        tf.TensorSpec((None, *entry.shape[1:]), entry.dtype, name=entry.name.replace("/", "_"))
        for entry in model.inputs
    ]

    def call(*tensors: Any) -> list[Any]:
        given = list(tensors) if len(tensors) > 1 else tensors[0]
        return list(tf.nest.flatten(model(given, training=False)))

    return _convert(call, signature, f"keras {keras.__version__}", f"a {type(model).__name__} of Keras")


def _convert_saved(path: Path) -> Conversion:
    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures.get(SIGNATURE)
    if function is None:
        raise ModelUnsupported(
            f"the SavedModel {path.name!r} has no signature {SIGNATURE!r}, but {sorted(loaded.signatures)}",
            hint=f"save it again with `signatures={{{SIGNATURE!r}: function}}`",
        )
    wanted = function.structured_input_signature[1]
    names = list(wanted)
    signature = [tf.TensorSpec(wanted[name].shape, wanted[name].dtype, name=name) for name in names]
    outputs = sorted(function.structured_outputs)

    def call(*tensors: Any) -> list[Any]:
        found = function(**dict(zip(names, tensors, strict=True)))
        return [found[name] for name in outputs]

    # The function holds only weak references to the variables of what was loaded.
    call.loaded = loaded  # type: ignore[attr-defined]
    return _convert(call, signature, f"tensorflow {tf.__version__}", f"the SavedModel {path.name}")


def _convert(call: Callable[..., list[Any]], signature: Sequence[Any], library: str, kind: str) -> Conversion:
    tf2onnx = _converter(kind)
    function = tf.function(call, input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    unknown = sorted(
        {node.op_type for node in graph.graph.node if not onnx.defs.has(node.op_type, node.domain)}
    )
    if unknown:
        raise ModelUnsupported(
            f"tf2onnx has no operator of ONNX for {', '.join(unknown)}",
            hint="use another layer for it: texts are looked up before, `gelu` has `approximate=True`",
        )
    names = [value.name for value in graph.graph.input]
    by_name = {entry.name: entry.dtype for entry in signature}
    if set(names) != set(by_name):
        raise ModelUnsupported(
            f"the graph takes {sorted(names)}, the model {sorted(by_name)}",
            hint="name the inputs of the model, and leave out those that it does not use",
        )

    def answers(tensors: Tensors) -> list[Tensor]:
        given = [tf.constant(_plain(tensors[name]), dtype=by_name[name]) for name in by_name]
        return [np.asarray(output) for output in function(*given)]

    return Conversion(graph.SerializeToString(), answers, library, kind)


def _plain(values: Tensor) -> Any:
    return values.tolist() if values.dtype.kind == "O" else values


def _converter(kind: str) -> Any:
    """Give tf2onnx, made to run with the NumPy of today as Keras does it. Raises `ModelUnsupported`."""
    import importlib

    if importlib.util.find_spec("tf2onnx") is None:
        raise ModelUnsupported(
            f"{kind} needs tf2onnx beside TensorFlow", hint="install `tf2onnx` in that interpreter"
        )
    importlib.import_module("keras.src.export.tf2onnx_lib").patch_tf2onnx()
    return importlib.import_module("tf2onnx")
