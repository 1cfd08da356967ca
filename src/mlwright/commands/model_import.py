"""`mlwright model import`: a model that was trained elsewhere becomes a version like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from mlwright.commands.server_settings import actor_name
from mlwright.errors import SourceUnreadable
from mlwright.project import find_project
from mlwright.registry import AliasMove, NewVersion, parse_reference
from mlwright.registry.registry import alias_number, move_alias_in, register_in

Framework: TypeAlias = Literal["lightgbm", "xgboost", "catboost", "onnx"]


@dataclass(frozen=True)
class ModelImportRequest:
    """Which file, and what wrote it; without a name the project's is used."""

    project: Path
    file: Path
    framework: Framework
    name: str | None = None


@dataclass(frozen=True)
class ModelImportResult:
    """The version, and how exactly it answers as its library."""

    reference: str
    version: int
    task: str
    digest: str
    moved: str
    parity_rows: int
    largest_difference: float


def model_import(request: ModelImportRequest) -> ModelImportResult:
    """Convert, check against the library on generated rows, and register; the same file is the same version.

    Without a champion the model becomes it, else candidate. Raises `SourceUnreadable`, `ModelUnsupported`,
    `ParityFailed`, `ReferenceInvalid` for a name that cannot be one.
    """
    project = find_project(request.project)
    name = parse_reference(f"{request.name or project.name}@latest").name
    if not request.file.is_file():
        raise SourceUnreadable(f"there is no file {str(request.file)!r}", hint="check the path")
    from mlwright.packaging import importing
    from mlwright.packaging.package import publish_package

    read = {
        "lightgbm": importing.import_lightgbm,
        "xgboost": importing.import_xgboost,
        "catboost": importing.import_catboost,
        "onnx": importing.import_onnx,
    }[request.framework]
    imported = read(request.file.read_bytes(), name)
    digest = publish_package(project.packages, imported.content)
    report = imported.check(project.packages / digest)
    new = NewVersion(name, digest, imported.content.task, request.framework, "import", "pass", {})
    actor = actor_name()
    with project.database.write() as tx:
        known = tx.fetch_one("SELECT number FROM versions WHERE name = ? AND digest = ?", (name, digest))
        version = register_in(tx, new, actor=actor)
        moved = ""
        if known is None:
            moved = "champion" if alias_number(tx, name, "champion") is None else "candidate"
            move_alias_in(
                tx,
                AliasMove(
                    name, moved, None, version.number, "", actor, f"imported from {request.file.name}", {}
                ),
            )
    return ModelImportResult(
        reference=version.reference,
        version=version.number,
        task=version.task,
        digest=digest,
        moved=moved,
        parity_rows=report.rows + report.edge_rows,
        largest_difference=report.largest_difference,
    )
