"""`mlwright model import`: a model that was trained elsewhere becomes a version like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from mlwright.commands.server_settings import actor_name
from mlwright.errors import SourceUnreadable
from mlwright.project import Project, find_project
from mlwright.registry import AliasMove, NewVersion, parse_reference
from mlwright.registry.registry import alias_number, move_alias_in, register_in

if TYPE_CHECKING:
    from mlwright.packaging.importing import ImportedModel
    from mlwright.packaging.library import Library

Framework: TypeAlias = Literal["lightgbm", "xgboost", "catboost", "onnx"]


@dataclass(frozen=True)
class ModelImportRequest:
    """Which file, and what wrote it; without a name the project's is used."""

    project: Path
    file: Path
    framework: Framework
    name: str | None = None
    library: Library | None = None
    """The library that wrote the file, where it is installed."""


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
    compared_with: str


def model_import(request: ModelImportRequest) -> ModelImportResult:
    """Convert, check against the library or its rules on generated rows, and register.

    The same file is the same version. Without a champion the model becomes it, else candidate. Raises
    `SourceUnreadable`, `ModelUnsupported`, `ParityFailed`, `ReferenceInvalid` for a name that cannot be one.
    """
    project = find_project(request.project)
    name = model_name(project, request.name)
    if not request.file.is_file():
        raise SourceUnreadable(f"there is no file {str(request.file)!r}", hint="check the path")
    from mlwright.packaging import importing

    data = request.file.read_bytes()
    match request.framework:
        case "lightgbm":
            imported = importing.import_lightgbm(data, name)
        case "xgboost":
            imported = importing.import_xgboost(data, name, request.library)
        case "catboost":
            imported = importing.import_catboost(data, name, request.library)
        case "onnx":
            imported = importing.import_onnx(data, name)
        case _:
            assert_never(request.framework)
    return register_imported(project, imported, request.framework, f"imported from {request.file.name}")


def model_name(project: Project, wanted: str | None) -> str:
    """Give the name of a model, the project's without one. Raises `ReferenceInvalid`."""
    return parse_reference(f"{wanted or project.name}@latest").name


def register_imported(
    project: Project, imported: ImportedModel, framework: str, reason: str
) -> ModelImportResult:
    """Publish, check and register what was read; the reason stays with the alias. Raises `ParityFailed`."""
    from mlwright.packaging.package import publish_package

    content = imported.content
    digest = publish_package(project.packages, content)
    report = imported.check(project.packages / digest)
    new = NewVersion(content.name, digest, content.task, framework, "import", "pass", {})
    actor = actor_name()
    with project.database.write() as tx:
        known = tx.fetch_one(
            "SELECT number FROM versions WHERE name = ? AND digest = ?", (content.name, digest)
        )
        version = register_in(tx, new, actor=actor)
        moved = ""
        if known is None:
            moved = "champion" if alias_number(tx, content.name, "champion") is None else "candidate"
            move_alias_in(tx, AliasMove(content.name, moved, None, version.number, "", actor, reason, {}))
    return ModelImportResult(
        reference=version.reference,
        version=version.number,
        task=version.task,
        digest=digest,
        moved=moved,
        parity_rows=report.rows + report.edge_rows,
        largest_difference=report.largest_difference,
        compared_with=imported.compared_with,
    )
