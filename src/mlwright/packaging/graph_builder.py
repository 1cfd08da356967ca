"""Put an ONNX graph together node by node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

IR_VERSION = 10
OPSET = 18
TREE_OPSET = 5  # of ai.onnx.ml: the first whose trees compare and add float64
TREE_DOMAIN = "ai.onnx.ml"


class GraphBuilder:
    """Nodes and constants of one graph; each name that it gives is new. `taken` are names of its borders."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(
        self,
        operator: str,
        *inputs: str,
        domain: str = "",
        name: str | None = None,
        # Attributes are whatever the operator takes.
        **attributes: Any,
    ) -> str:
        """Add a node with one output and give that; its name is chosen unless it is a border's."""
        output = name or self._new(operator.lower())
        self._nodes.append(
            helper.make_node(operator, list(inputs), [output], name=output, domain=domain, **attributes)
        )
        return output

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float64) -> str:
        """Give the name of a constant; the same one for the same values. Texts come as objects."""
        array = np.asarray(values, dtype=dtype)
        is_text = array.dtype == np.object_
        data = repr(array.tolist()).encode() if is_text else array.tobytes()
        key = (array.dtype.str, array.shape, data)
        if key not in self._known:
            name = self._new("constant")
            self._constants.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def build(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Give the model; what it says of itself besides is up to the caller."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(TREE_DOMAIN, TREE_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _new(self, stem: str) -> str:
        number = len(self._nodes) + len(self._constants)
        while (name := f"{stem}_{number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name
