"""PyTorch's modules as ONNX graphs by its own exporter, and its word on any tensors."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as trees

from mlwright.errors import ModelUnsupported
from mlwright.packaging.conversion import Conversion, InputShape, Tensors
from mlwright.packaging.graph_run import NUMPY_TYPES, Tensor

EXAMPLE_ROWS = 3  # neither 0 nor 1, which the exporter takes for constants
AS_PROGRAM = "`torch.export.save(torch.export.export(model, args, dynamic_shapes=…), 'model.pt2')`"


def convert_file(path: Path, inputs: Sequence[InputShape]) -> Conversion:
    """Open a program of `torch.export` (.pt2) or a pickled module. Raises `ModelUnsupported`."""
    if path.suffix == ".pt2":
        return _convert(torch.export.load(path), f"torch.export of {path.name}")
    found = torch.load(path, map_location="cpu", weights_only=False)
    if not isinstance(found, torch.nn.Module):
        raise ModelUnsupported(
            f"{path.name!r} holds a {type(found).__name__} and no module",
            hint=f"weights alone do not say how they are used: write {AS_PROGRAM}",
        )
    return convert_module(found, inputs)


def convert_module(module: Any, inputs: Sequence[InputShape]) -> Conversion:
    """Convert a module, or a program of `torch.export`. Raises `ModelUnsupported`."""
    if isinstance(module, torch.export.ExportedProgram):
        return _convert(module, "a program of torch.export")
    kind = f"a {type(module).__name__}"
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelUnsupported(
            f"{kind} is TorchScript", hint=f"write {AS_PROGRAM} of the module it came from"
        )
    if not inputs:
        raise ModelUnsupported(
            f"{kind} does not tell the shapes of its inputs",
            hint='say them with `--input "FP32[-1,20]"` (in Python: `inputs=["FP32[-1,20]"]`), one for each',
        )
    examples = tuple(_example(entry) for entry in inputs)
    free = tuple(
        {place: torch.export.Dim.DYNAMIC for place, size in enumerate(entry.shape) if size < 0}
        for entry in inputs
    )
    names = list(inspect.signature(module.forward).parameters)[: len(examples)]
    shapes = dict(zip(names, free, strict=True))
    program = torch.export.export(module.eval(), examples, dynamic_shapes=shapes)
    return _convert(program, kind)


def _example(entry: InputShape) -> torch.Tensor:
    shape = [EXAMPLE_ROWS if size < 0 else size for size in entry.shape]
    return torch.from_numpy(np.zeros(shape, dtype=NUMPY_TYPES[entry.datatype]))


def _convert(program: Any, kind: str) -> Conversion:
    exported = torch.onnx.export(program, (), dynamo=True, verbose=False)
    graph = exported.model_proto.graph
    fixed = [value.name for value in graph.input if value.type.tensor_type.shape.dim[0].HasField("dim_value")]
    if fixed:
        raise ModelUnsupported(
            f"the input {fixed[0]!r} takes a fixed number of rows",
            hint="export with `dynamic_shapes={'x': {0: torch.export.Dim.DYNAMIC}}` for each input",
        )
    answers = partial(_answers, program.module(), [value.name for value in graph.input])
    return Conversion(exported.model_proto.SerializeToString(), answers, f"torch {torch.__version__}", kind)


def _answers(module: Any, names: Sequence[str], tensors: Tensors) -> list[Tensor]:
    with torch.no_grad():
        outputs = module(*(torch.from_numpy(np.ascontiguousarray(tensors[name])) for name in names))
    return [output.detach().numpy() for output in trees.tree_leaves(outputs)]
