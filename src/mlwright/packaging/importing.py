"""Models that were trained elsewhere: package content, and the check that it answers the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from mlwright.packaging.boosters import convert_catboost, convert_lightgbm, convert_xgboost
from mlwright.packaging.conversion import Conversion, InputShape, kernel_tensors
from mlwright.packaging.graph_check import check_graph
from mlwright.packaging.graph_run import run_outputs
from mlwright.packaging.kernel_check import check_kernel
from mlwright.packaging.kernel_content import default_classes, kernel_content
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.library import Library
from mlwright.packaging.model_format import Format
from mlwright.packaging.objects import convert_object
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.optional import library_named
from mlwright.packaging.package import PackageContent, Signature
from mlwright.packaging.parity import ParityReport
from mlwright.packaging.real_rows import graph_rows, kernel_rows, with_texts
from mlwright.packaging.worker_process import WorkerRequest, converted_apart


@dataclass(frozen=True)
class ImportedModel:
    """Package content, and the check of a published package against what the model came from."""

    content: PackageContent
    check: Callable[[Path], ParityReport]
    compared_with: str
    """What the check compares with, in words."""
    isolation: str | None = None
    """How the process was cut off that opened the file: by a namespace, or by Python; None: nothing ran."""


@dataclass(frozen=True)
class OpeningOptions:
    """How a file may be opened."""

    is_trusted: bool = False
    """Whether a file that is a program may be run."""
    python: Path | None = None
    """The interpreter that has the library; None: this one."""
    inputs: Sequence[str] = field(default_factory=tuple)
    """Shapes of inputs that the file does not tell."""
    rows: pl.DataFrame | None = None
    """Real rows for the check, beside those that it makes."""


@contextmanager
def open_model(path: Path, kind: Format, name: str, options: OpeningOptions) -> Iterator[ImportedModel]:
    """Convert a file of any known format; what its check needs lives as long as the context.

    Raises `ModelUnsupported`, `ModelUntrusted` for a program that was not said to be trusted.
    """
    kind.require(path, is_trusted=options.is_trusted)
    if kind.opening == "data":
        yield imported(convert_data(kind.name, path.read_bytes()), name, rows=options.rows)
        return
    request = WorkerRequest(path, kind.name, options.is_trusted, options.python, tuple(options.inputs))
    with converted_apart(request) as (conversion, isolation):
        yield imported(conversion, name, rows=options.rows, isolation=isolation)


def convert_data(format_name: str, data: bytes) -> Conversion:
    """Convert a file that is data. Raises `ModelUnsupported`."""
    match format_name:
        case "lightgbm":
            return convert_lightgbm(data)
        case "xgboost":
            return convert_xgboost(data, library_named("xgboost"))
        case "catboost":
            return convert_catboost(data, library_named("catboost"))
        case "onnx":
            return convert_onnx(data)
        case other:
            raise ValueError(f"no reader for {other!r}")


def convert_onnx(data: bytes) -> Conversion:
    """Take an ONNX graph as it is. Raises `ModelUnsupported`."""
    labels = read_graph(data).labels
    answers = partial(run_outputs, data, labels=labels)
    return Conversion(data, lambda tensors: list(answers(tensors).values()), "onnxruntime", "an ONNX graph")


def imported(
    conversion: Conversion, name: str, *, rows: pl.DataFrame | None = None, isolation: str | None = None
) -> ImportedModel:
    """Give the package content of a conversion, and its check on made rows and on these."""
    model = conversion.model
    if isinstance(model, KernelModel):
        asked = model if rows is None else with_texts(model, rows)
        real = None if rows is None else kernel_rows(asked, rows)

        def check(folder: Path) -> ParityReport:
            return check_kernel(
                folder, asked, lambda matrix: conversion.scores(kernel_tensors(asked, matrix)), real
            )

        content = kernel_content(model, name, conversion.kind)
        return ImportedModel(content, check, conversion.library, isolation)
    graph = read_graph(model)
    classes = graph.labels or default_classes(graph.task, graph.width)
    content = PackageContent(
        name=name,
        task=graph.task,
        engine="onnx",
        model=graph.data,
        signature=Signature(
            kind="tensor",
            inputs=graph.inputs,
            outputs=graph.outputs,
            classes=classes,
            positive=classes[1] if graph.task == "binary" else None,
            threshold=graph.threshold if graph.task == "binary" else None,
        ),
        card=f"# {name}\n\nImported from {conversion.kind}.\n",
        provenance={"run": None, "data": [], "libraries": {}, "seed": None},
    )
    given = None if rows is None else graph_rows(graph, rows)
    return ImportedModel(
        content,
        lambda folder: check_graph(folder, conversion.answers, graph, name, given),
        conversion.library,
        isolation,
    )


def import_lightgbm(data: bytes, name: str) -> ImportedModel:
    """Import a LightGBM text model. Raises `ModelUnsupported`."""
    return imported(convert_lightgbm(data), name)


def import_xgboost(data: bytes, name: str, library: Library | None = None) -> ImportedModel:
    """Import an XGBoost model in JSON or UBJSON. Raises `ModelUnsupported`."""
    return imported(convert_xgboost(data, library), name)


def import_catboost(data: bytes, name: str, library: Library | None = None) -> ImportedModel:
    """Import a CatBoost model in JSON. Raises `ModelUnsupported`."""
    return imported(convert_catboost(data, library), name)


def import_onnx(data: bytes, name: str) -> ImportedModel:
    """Import an ONNX graph; a ZipMap at its end is removed, so that probabilities are one tensor.

    Raises `ModelUnsupported` for external data, sequences, or a graph that ONNX itself refuses.
    """
    return imported(convert_onnx(data), name)


def import_fitted(
    fitted: object, name: str, inputs: Sequence[InputShape] = (), rows: pl.DataFrame | None = None
) -> ImportedModel:
    """Import a fitted object of a library. Raises `ModelUnsupported`."""
    return imported(convert_object(fitted, inputs), name, rows=rows)
