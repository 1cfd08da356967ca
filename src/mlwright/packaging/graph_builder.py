"""Put an ONNX graph together node by node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

IR_VERSION = 10
OPSET = 20  # the first with RegexFullMatch
TREE_OPSET = 5  # of ai.onnx.ml: the first whose trees compare and add float64
TREE_DOMAIN = "ai.onnx.ml"
RUNTIME_DOMAIN = "com.microsoft"
RUNTIME_OPSET = 1


class GraphBuilder:
    """Nodes and constants of one graph; each name that it gives is new. `taken` are names of its borders."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._domains: dict[str, int] = {"": OPSET, TREE_DOMAIN: TREE_OPSET}

    def inner(self) -> GraphBuilder:
        """Give a builder for the body of a loop, which sees names and constants of this one."""
        body = GraphBuilder(())
        body._taken, body._constants, body._known = self._taken, self._constants, self._known
        body._domains = self._domains
        return body

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
        output = name or self.new_name(operator.lower())
        if domain == RUNTIME_DOMAIN:
            self._domains[domain] = RUNTIME_OPSET
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
            name = self.new_name("constant")
            self._constants.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def add_loop(self, rows: str, body: GraphBuilder, row: str, values: str, width: int) -> str:
        """Compute `values` `[width]` of a body for each of the rows of a tensor, and give `[rows, width]`.

        `row` is the name by which the body knows the place of the row at hand.
        """
        goes_on, went_on = body.new_name("goes_on"), body.new_name("went_on")
        body.add("Identity", goes_on, name=went_on)
        graph = helper.make_graph(
            body._nodes,
            body.new_name("body"),
            [
                helper.make_tensor_value_info(row, onnx.TensorProto.INT64, []),
                helper.make_tensor_value_info(goes_on, onnx.TensorProto.BOOL, []),
            ],
            [
                helper.make_tensor_value_info(went_on, onnx.TensorProto.BOOL, []),
                helper.make_tensor_value_info(values, onnx.TensorProto.DOUBLE, [width]),
            ],
        )
        first = self.constant([0], np.int64)
        times = self.add("Squeeze", self.add("Shape", rows, start=0, end=1), first)
        return self.add("Loop", times, "", body=graph)

    def adopt(self, graph: onnx.GraphProto) -> None:
        """Take the nodes and constants of another graph, whose names are new here (`new_prefix`)."""
        self._nodes += graph.node
        self._constants += graph.initializer

    def build(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Give the model; what it says of itself besides is up to the caller."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        opsets = [helper.make_opsetid(domain, opset) for domain, opset in self._domains.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def new_name(self, stem: str) -> str:
        """Give a name that nothing has yet."""
        number = len(self._nodes) + len(self._constants)
        while (name := f"{stem}_{number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name

    def new_prefix(self, stem: str) -> str:
        """Give what no name begins with."""
        prefix = f"{self.new_name(stem)}."
        return self.new_prefix(stem) if any(name.startswith(prefix) for name in self._taken) else prefix
