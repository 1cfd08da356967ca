"""What a library's model became, and the library's own word on any rows: all that a check needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlwright.errors import UsageError
from mlwright.packaging.forest import Floats
from mlwright.packaging.graph_run import NUMPY_TYPES, Tensor
from mlwright.packaging.kernel_model import KernelModel

Tensors: TypeAlias = Mapping[str, Tensor]
ROWS = "rows"
"""Name of the one tensor that a kernel's answers take: the matrix of its check."""


def texts_name(place: int) -> str:
    """Name the tensor that holds the texts of a column which is read word by word."""
    return f"texts-{place}"


def kernel_tensors(model: KernelModel, matrix: Floats) -> dict[str, Tensor]:
    """Give the rows of a check as a conversion is asked them: a matrix, and the texts behind its codes."""
    texts: dict[str, Tensor] = {
        texts_name(place): np.array(model.levels[place], dtype=object) for place in sorted(model.sentences)
    }
    return {ROWS: matrix, **texts}


@dataclass(frozen=True)
class Conversion:
    """A converted model and what it has to answer as."""

    model: KernelModel | bytes
    """What a kernel runs, or an ONNX graph."""
    answers: Callable[[Tensors], Sequence[Tensor]]
    """The library's answers: scores for a kernel, every output of a graph in its order."""
    library: str
    """Who answers, with its version."""
    kind: str
    """What was converted, in words: "a Pipeline"."""

    def scores(self, tensors: Tensors) -> Floats:
        """Give the first of the answers as numbers."""
        return np.asarray(self.answers(tensors)[0], dtype=np.float64)


@dataclass(frozen=True)
class InputShape:
    """An input that a file does not tell: its datatype and shape, -1 where any size will do."""

    datatype: str
    shape: tuple[int, ...]


def parse_input(text: str) -> InputShape:
    """Read `FP32[-1,20]`. Raises `UsageError`.

    >>> parse_input("FP32[-1,20]")
    InputShape(datatype='FP32', shape=(-1, 20))
    """
    found = re.fullmatch(r"(\w+)\[(-?\d+(?:,-?\d+)*)\]", text.replace(" ", ""))
    if found is None or found[1] not in NUMPY_TYPES or found[1] == "BYTES":
        raise UsageError(
            f"{text!r} is no input of a model", hint="write a datatype and a shape, such as FP32[-1,20]"
        )
    return InputShape(found[1], tuple(int(size) for size in found[2].split(",")))
