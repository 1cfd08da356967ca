"""What a training function of one's own returned, as one model of the raw columns of a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry, TransformDocument, apply_transform, make_document
from mlwright.packaging.conversion import ROWS, Conversion, InputShape, kernel_tensors
from mlwright.packaging.graph_run import NUMPY_TYPES, Tensor, main_output
from mlwright.packaging.importing import convert_data, convert_onnx
from mlwright.packaging.kernel_content import plain_transform
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.model_format import format_of
from mlwright.packaging.objects import convert_object
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.optional import integration
from mlwright.packaging.package import Engine
from mlwright.packaging.real_rows import kernel_matrix, with_texts
from mlwright.training.own_problem import OwnProblem, Reads

MATRICES: tuple[Reads, ...] = ("matrix", "scaled", "terms")
PLACED = re.compile(r"(?:f|Column_)?(\d+)")
"""Names that stand for places: what libraries call the columns of an array."""
MAY_BE_MISSING = ("number", "time", "age", "ratio", "difference")
"""Operations whose result is missing where the column is."""


@dataclass(frozen=True)
class OwnModel:
    """A converted model of raw columns, and its library's word on any rows of them."""

    engine: Engine
    data: bytes
    transform: TransformDocument
    ask: Callable[[pl.DataFrame], Tensor]
    """The library's answers as they come."""
    reads: Reads
    library: str
    kind: str
    task: str | None = None
    """What the model says it does; None: it does not say."""
    classes: tuple[object, ...] | None = None
    refuses_null: frozenset[str] = frozenset()
    closed: Mapping[str, Sequence[str]] | None = None
    """Columns of texts that take no text but these."""
    limits: Mapping[str, tuple[float, float]] | None = None
    """Least and largest number of a column that a check asks for; None: as far as the rows went, and more."""


def read_returned(returned: object, problem: OwnProblem) -> OwnModel:
    """Convert what a function returned.

    Raises `ModelUnsupported` for what has no exact conversion, and where it is not clear what it reads.
    """
    model, said = _parts(returned)
    touched = [reads for reads in MATRICES if reads in problem.encoded]
    reads = said if said is not None else touched[0] if len(touched) == 1 else None
    conversion = _convert(model, problem, reads)
    if isinstance(conversion.model, bytes):
        return _graph(conversion, conversion.model, problem, _matrix_of(reads, touched, conversion))
    kernel = conversion.model
    if said in (None, "columns") and {column.name for column in kernel.columns} <= set(problem.frame.columns):
        return _of_columns(conversion, kernel, problem)
    if said is None and not touched:
        return _of_columns(*_named_by_place(conversion, kernel, problem), problem)
    if said == "columns":
        raise _strangers(kernel, problem)
    return _of_matrix(conversion, kernel, problem, _matrix_of(reads, touched, conversion))


def _parts(returned: object) -> tuple[object, Reads | None]:
    if returned is None:
        raise ModelUnsupported("the function returned nothing", hint="end it with `return model`")
    if not isinstance(returned, tuple):
        return returned, None
    match returned:
        case (model, "columns" | "matrix" | "scaled" | "terms" as reads):
            return model, reads
        case _:
            raise ModelUnsupported(
                f"the function returned a tuple of {len(returned)}",
                hint='return a model, or `(model, "columns")`, `(model, "matrix")`, `(model, "scaled")` or '
                '`(model, "terms")`',
            )


def _convert(model: object, problem: OwnProblem, reads: Reads | None) -> Conversion:
    if isinstance(model, str | Path):
        return _convert_file(Path(model), problem, reads)
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if isinstance(model, bytes):
        return convert_onnx(model)
    return convert_object(model, _shapes(problem, reads, _datatype(model)))


def _convert_file(path: Path, problem: OwnProblem, reads: Reads | None) -> Conversion:
    kind = format_of(path)
    if kind.opening == "data":
        return convert_data(kind.name, path.read_bytes())
    if kind.name == "torch-export":
        converted: Conversion = integration("torch", path.name).convert_file(path, _shapes(problem, reads))
        return converted
    if kind.name in ("keras", "saved-model"):
        opened: Conversion = integration("tensorflow", path.name).convert_file(path, is_trusted=True)
        return opened
    raise ModelUnsupported(
        f"the function returned the path of {kind.written_by}", hint="return the object that is in it"
    )


def _datatype(model: Any) -> str:
    """Tell the precision of a module of PyTorch by its first parameter."""
    parameters = getattr(model, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return "FP64" if str(getattr(first, "dtype", "")) == "torch.float64" else "FP32"


def _shapes(problem: OwnProblem, reads: Reads | None, datatype: str = "FP32") -> list[InputShape]:
    if reads not in MATRICES or reads not in problem.encoded:
        return []
    return [InputShape(datatype, (-1, problem.encoded[reads][1].values.shape[1]))]


def _matrix_of(reads: Reads | None, touched: Sequence[Reads], conversion: Conversion) -> Reads:
    if reads in touched:
        assert reads is not None
        return reads
    if reads is not None:
        raise ModelUnsupported(
            f"the function says that its model reads {reads!r}, which it never asked for",
            hint="fit it on `problem.matrix` or `problem.scaled`, or leave the word out",
        )
    raise ModelUnsupported(
        f"it is not clear what {conversion.kind} reads",
        hint='return `(model, "matrix")`, `(model, "scaled")` or `(model, "terms")`, whichever it was fitted '
        "on; a network cannot read `problem.frame`",
    )


def _of_columns(conversion: Conversion, kernel: KernelModel, problem: OwnProblem) -> OwnModel:
    types = {column.name: column.type for column in problem.columns}
    for column in kernel.columns:
        if column.type != "string" and types[column.name] in ("string", "timestamp"):
            raise ModelUnsupported(
                f"the model reads {column.name!r}, a {types[column.name]}, as a number",
                hint="encode it inside the model, or fit on `problem.matrix`, where it is encoded",
            )
    transform = kernel.transform or plain_transform(kernel)
    far = None if kernel.takes_infinite and not kernel.limits else (-3e38, 3e38)
    limits = {column.name: far for column in kernel.columns} if far is not None else {}
    limits |= {kernel.columns[place].name: bounds for place, bounds in kernel.limits.items()}
    return OwnModel(
        engine=kernel.engine,
        data=kernel.data,
        transform={**transform, "inputs": make_document(list(problem.columns), [])["inputs"]},
        ask=lambda frame: np.asarray(conversion.answers(_tensors(kernel, frame))[0]),
        reads="columns",
        library=conversion.library,
        kind=conversion.kind,
        task=kernel.task,
        classes=kernel.classes,
        refuses_null=frozenset(column.name for column in kernel.columns if not column.nullable),
        closed={kernel.columns[place].name: kernel.levels[place] for place in kernel.closed},
        limits=limits,
    )


def _tensors(kernel: KernelModel, frame: pl.DataFrame) -> dict[str, Tensor]:
    asked = with_texts(kernel, frame)
    return kernel_tensors(asked, kernel_matrix(asked, frame))


def _named_by_place(
    conversion: Conversion, kernel: KernelModel, problem: OwnProblem
) -> tuple[Conversion, KernelModel]:
    """Name columns that are known by their place in an array of the raw columns."""
    names = _by_place(kernel, [column.name for column in problem.columns], problem)
    columns = tuple(replace(column, name=names[column.name]) for column in kernel.columns)
    transform = kernel.transform or plain_transform(kernel)
    outputs: list[OutputEntry] = [
        {**output, "column": names[output["column"]]} for output in transform["outputs"]
    ]
    made: TransformDocument = {**transform, "inputs": make_document(list(columns), [])["inputs"]}
    made["outputs"] = outputs
    named = replace(kernel, columns=columns, is_named=True, transform=made)
    return conversion, named


def _by_place(kernel: KernelModel, names: Sequence[str], problem: OwnProblem) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in kernel.columns:
        place = PLACED.fullmatch(column.name)
        if place is None or int(place[1]) >= len(names):
            raise _strangers(kernel, problem)
        found[column.name] = names[int(place[1])]
    return found


def _strangers(kernel: KernelModel, problem: OwnProblem) -> ModelUnsupported:
    strange = [column.name for column in kernel.columns if column.name not in problem.frame.columns]
    return ModelUnsupported(
        f"the model reads {', '.join(map(repr, strange[:5]))}, which the table does not have",
        hint="fit it on columns of `problem.frame`, on `problem.matrix` or on `problem.scaled`",
    )


def _of_matrix(conversion: Conversion, kernel: KernelModel, problem: OwnProblem, reads: Reads) -> OwnModel:
    """Put a model of a matrix behind the transform that made the matrix."""
    transform, encoded = problem.encoded[reads]
    width = encoded.values.shape[1]
    places = [
        int(name) for name in _by_place(kernel, [str(place) for place in range(width)], problem).values()
    ]
    if kernel.transform is None and len(places) != width:
        raise ModelUnsupported(
            f"{conversion.kind} takes {len(places)} numbers, `problem.{reads}` has {width}",
            hint="fit it on the whole of one matrix, or return what it reads as the second of a pair",
        )
    outputs = transform["outputs"] if kernel.transform is None else _composed(kernel, transform, places)
    is_finite = kernel.engine != "trees" or bool(kernel.limits)
    refused = [place for place, column in zip(places, kernel.columns, strict=True) if not column.nullable]

    def ask(frame: pl.DataFrame) -> Tensor:
        matrix = apply_transform(transform, frame, list(problem.columns))
        return np.asarray(conversion.answers({ROWS: matrix[:, places]})[0])

    return OwnModel(
        engine=kernel.engine,
        data=kernel.data,
        transform={**transform, "outputs": list(outputs)},
        ask=ask,
        reads=reads,
        library=conversion.library,
        kind=conversion.kind,
        task=kernel.task,
        classes=kernel.classes,
        refuses_null=_missing_sources(transform, refused),
        limits=None if is_finite else {} if kernel.takes_infinite else _far(problem.columns),
    )


def _composed(kernel: KernelModel, transform: TransformDocument, places: Sequence[int]) -> list[OutputEntry]:
    """Let the numbers that a pipeline makes of a matrix be made of the raw columns."""
    assert kernel.transform is not None
    place_of = {column.name: place for column, place in zip(kernel.columns, places, strict=True)}
    outputs: list[OutputEntry] = []
    for output in kernel.transform["outputs"]:
        source = transform["outputs"][place_of[output["column"]]]
        is_same = output["op"] == "scale" and (output["mean"], output["scale"]) == (0.0, 1.0)
        if output["op"] == "number" or (is_same and source["op"] not in MAY_BE_MISSING):
            outputs.append({**source, "name": output["name"]})
        elif source["op"] == "number":
            outputs.append({**output, "column": source["column"]})
        elif output["op"] == source["op"] == "scale":
            mean = source["mean"] + output["mean"] * source["scale"]
            scale = source["scale"] * output["scale"]
            outputs.append({**source, "name": output["name"], "mean": mean, "scale": scale})
        else:
            raise ModelUnsupported(
                f"a pipeline transforms {source['name']!r} of the matrix, which is made by {source['op']!r}",
                hint="fit the pipeline on `problem.frame`, or its last step alone on `problem.scaled`",
            )
    return outputs


def _graph(conversion: Conversion, data: bytes, problem: OwnProblem, reads: Reads) -> OwnModel:
    graph = read_graph(data)
    transform, encoded = problem.encoded[reads]
    width = encoded.values.shape[1]
    entry = graph.inputs[0]
    if (
        len(graph.inputs) != 1
        or entry["shape"] not in ([-1, width], [-1, -1])
        or entry["datatype"] == "BYTES"
    ):
        found = ", ".join(f"{item['name']} {item['datatype']}{item['shape']}" for item in graph.inputs)
        raise ModelUnsupported(
            f"the graph takes {found}, `problem.{reads}` is one matrix of [-1, {width}]",
            hint=f"give it one input of {width} numbers with an open number of rows",
        )
    names = [str(output["name"]) for output in graph.outputs]

    def ask(frame: pl.DataFrame) -> Tensor:
        matrix = apply_transform(transform, frame, list(problem.columns))
        given = matrix.astype(NUMPY_TYPES[str(entry["datatype"])])
        outputs = dict(zip(names, conversion.answers({str(entry["name"]): given}), strict=True))
        return outputs[main_output(outputs)]

    classifies = problem.task != "regression"
    return OwnModel(
        engine="onnx",
        data=graph.data,
        transform=transform,
        ask=ask,
        reads=reads,
        library=conversion.library,
        kind=conversion.kind,
        classes=(graph.labels or None) if classifies else None,
    )


def _missing_sources(transform: TransformDocument, places: Sequence[int]) -> frozenset[str]:
    """Name the raw columns of numbers that are missing where their column is."""
    outputs = [transform["outputs"][place] for place in places]
    return frozenset(output["column"] for output in outputs if output["op"] in MAY_BE_MISSING)


def _far(columns: Sequence[Column]) -> dict[str, tuple[float, float]]:
    return {column.name: (-3e38, 3e38) for column in columns if column.type in ("number", "integer")}
