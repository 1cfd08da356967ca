"""`mlwright model import`: a model that was trained elsewhere becomes a version like any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.commands.server_settings import actor_name
from mlwright.project import Project, find_project
from mlwright.registry import AliasMove, NewVersion, parse_reference
from mlwright.registry.registry import alias_number, move_alias_in, register_in

if TYPE_CHECKING:
    from mlwright.packaging.importing import ImportedModel


@dataclass(frozen=True)
class ModelImportRequest:
    """Which file, folder or fitted object; without a name the project's is used."""

    project: Path
    source: object
    """A `Path`, or the object itself."""
    framework: str | None = None
    """The format of the file; None: it is recognised."""
    name: str | None = None
    is_trusted: bool = False
    """Whether a file that is a program may be run."""
    python: Path | None = None
    """The interpreter that has the library that wrote the file; None: this one."""
    inputs: tuple[str, ...] = ()
    """Shapes of inputs that the model does not tell, such as FP32[-1,20]."""
    data: Path | None = None
    """A table of real rows for the check, beside those that it makes."""


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
    isolation: str | None
    """How the process was cut off that opened the file: namespace, or python (weaker); None: nothing ran."""


def model_import(request: ModelImportRequest) -> ModelImportResult:
    """Convert, check against the library's own answers, and register.

    The same file is the same version. Without a champion the model becomes it, else candidate. Raises
    `SourceUnreadable`, `ModelUnsupported`, `ModelUntrusted`, `ParityFailed`, `ReferenceInvalid` for a name
    that cannot be one.
    """
    project = find_project(request.project)
    name = parse_reference(f"{request.name or project.name}@latest").name
    with _opened(request, name) as (imported, framework, source):
        return _register(project, imported, framework, f"imported {source}")


@contextmanager
def _opened(request: ModelImportRequest, name: str) -> Iterator[tuple[ImportedModel, str, str]]:
    """Give the model, what it was written by, and what it was, in words."""
    from mlwright.data import open_source
    from mlwright.packaging import importing, model_format
    from mlwright.packaging.conversion import parse_input
    from mlwright.packaging.objects import framework_of

    source = request.source
    rows = None if request.data is None else open_source(Path.cwd(), str(request.data)).read()
    if not isinstance(source, Path):
        inputs = [parse_input(text) for text in request.inputs]
        imported = importing.import_fitted(source, name, inputs, rows)
        yield imported, framework_of(source), f"a {type(source).__name__}"
        return
    found = model_format.format_of(source, request.framework)
    options = importing.OpeningOptions(request.is_trusted, request.python, request.inputs, rows)
    with importing.open_model(source, found, name, options) as opened:
        yield opened, found.name, f"from {source.name}"


def _register(project: Project, imported: ImportedModel, framework: str, reason: str) -> ModelImportResult:
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
        isolation=imported.isolation,
    )
