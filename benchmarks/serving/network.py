"""A network that takes some milliseconds a row, as a graph: most of its time are products of matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from workload import FEATURES, INPUT, OUTPUT, Requests, draw_rows

TOKENS, WIDTH, INNER, LAYERS = 64, 256, 1_024, 4


def make_network(folder: Path, *, seed: int, requests: int) -> tuple[Path, Requests]:
    """Write a network of random weights, and give one-row requests with ONNX Runtime's own answers.

    A row becomes 64 tokens of 256 numbers, as a text does; each layer widens a token to 1,024 numbers and
    narrows it again. Rows have nothing in common that a batch could save.
    """
    rng = np.random.default_rng(seed)
    model_file = folder / "network.onnx"
    model_file.write_bytes(_network(rng).SerializeToString())
    rows = draw_rows(rng, requests)
    session = _session(model_file)
    answers = [session.run([OUTPUT], {INPUT: np.array([row], dtype=np.float32)})[0] for row in rows]
    expected = np.array([[float(answer[0, 1])] for answer in answers])
    return model_file, Requests([[row] for row in rows], expected)


def _session(model_file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model_file), options)


def _network(rng: np.random.Generator) -> onnx.ModelProto:
    weights: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, inputs: list[str], output: str, **attributes: int) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(name: str, *shape: int) -> str:
        values = rng.standard_normal(shape) / np.sqrt(shape[0])
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    weights.append(numpy_helper.from_array(np.array([-1, TOKENS, WIDTH]), "shape"))
    weights.append(numpy_helper.from_array(np.array([1]), "tokens"))
    flat = add("MatMul", [INPUT, weight("embedding", FEATURES, TOKENS * WIDTH)], "flat")
    state = add("Reshape", [flat, "shape"], "state")
    for layer in range(LAYERS):
        wide = add("MatMul", [state, weight(f"widen{layer}", WIDTH, INNER)], f"wide{layer}")
        kept = add("Relu", [wide], f"kept{layer}")
        change = add("MatMul", [kept, weight(f"narrow{layer}", INNER, WIDTH)], f"change{layer}")
        state = add("Add", [state, change], f"state{layer}")
    mean = add("ReduceMean", [state, "tokens"], "mean", keepdims=0)
    add("Softmax", [add("MatMul", [mean, weight("head", WIDTH, 2)], "logits")], OUTPUT, axis=1)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 2])],
        initializer=weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
