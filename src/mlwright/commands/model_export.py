"""`mlwright model export`: a version as one file for servers of others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlwright._version import __version__
from mlwright.errors import UsageError
from mlwright.lifecycle.kept_rows import kept_rows
from mlwright.pipeline import Progress, Silent
from mlwright.project import find_project
from mlwright.registry import Registry, Version
from mlwright.store import write_atomic

if TYPE_CHECKING:
    from mlwright.packaging.exporting import GraphTensor

ExportFormat: TypeAlias = Literal["onnx"]
SUFFIX = ".onnx"
STEPS = ("lower", "parity", "write")


@dataclass(frozen=True)
class ModelExportRequest:
    """Which version, and the file to write; a bare name means its champion."""

    project: Path
    reference: str
    out: Path
    to: ExportFormat = "onnx"
    is_dry_run: bool = False
    """Lower and compare, but write nothing."""


@dataclass(frozen=True)
class ModelExportResult:
    """The graph, and how exactly it answers as the package."""

    reference: str
    digest: str
    out: Path
    is_written: bool
    bytes: int
    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]
    real_rows: int
    made_rows: int
    edge_rows: int
    largest_difference: float
    label_flips: int


def model_export(request: ModelExportRequest, progress: Progress | None = None) -> ModelExportResult:
    """Lower transform and model to one graph, hold it to the package, and only then write it.

    Raises `ModelUnknown`, `PackageCorrupt`, `ModelUnsupported` for what has no exact counterpart,
    `ParityFailed` naming the step that differs, and `UsageError` for a file that does not end with .onnx.
    Whatever is raised, no file is left behind and one that was there is untouched.
    """
    if request.out.suffix.lower() != SUFFIX or request.out.is_dir():
        raise UsageError(f"cannot write {str(request.out)!r}", hint=f"name a file that ends with {SUFFIX}")
    project = find_project(request.project)
    version = Registry(project.database).resolve(request.reference)
    folder = project.packages / version.digest
    told = progress or Silent()
    from mlwright.packaging.export_check import check_export
    from mlwright.packaging.exporting import lower_package
    from mlwright.packaging.predictor import PackagePredictor

    with _step(told, "lower") as done:
        PackagePredictor(folder)  # opening verifies every byte
        exported = lower_package(folder, _notes(version))
        done(f"{len(exported.data) / 1024:,.0f} KiB, inputs {len(exported.inputs)}")
    with _step(told, "parity") as done:
        real = kept_rows(project, version.digest) if version.origin == "run" else None
        report = check_export(
            folder, exported, real=real, tell=lambda share, text: told.step_moved("parity", share, text)
        )
        done(f"largest difference {report.largest_difference:.1e}, {report.label_flips} labels flip")
    if not request.is_dry_run:
        with _step(told, "write") as done:
            write_atomic(request.out, exported.data)
            done(str(request.out))
    return ModelExportResult(
        reference=version.reference,
        digest=version.digest,
        out=request.out,
        is_written=not request.is_dry_run,
        bytes=len(exported.data),
        inputs=exported.inputs,
        outputs=exported.outputs,
        real_rows=report.real_rows,
        made_rows=report.made_rows,
        edge_rows=report.edge_rows,
        largest_difference=report.largest_difference,
        label_flips=report.label_flips,
    )


def _notes(version: Version) -> dict[str, str]:
    return {
        "mlwright.model": version.name,
        "mlwright.version": str(version.number),
        "mlwright.package": version.digest,
        "mlwright.release": __version__,
    }


@contextmanager
def _step(told: Progress, name: str) -> Iterator[Callable[[str], None]]:
    """Tell of a step; what it calls is the text of its end."""
    said = ""

    def done(text: str) -> None:
        nonlocal said
        said = text

    told.step_started(name, STEPS.index(name) + 1, len(STEPS))
    began = time.monotonic()
    yield done
    told.step_finished(name, "done", time.monotonic() - began, said)
