"""`mlwright model report`: the report of a version, written again from its facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlwright.deliverables import read_report_facts, render_training_report, write_training_report
from mlwright.errors import ReportMissing, UsageError
from mlwright.project import find_project
from mlwright.registry import Registry, parse_reference
from mlwright.store import write_atomic


@dataclass(frozen=True)
class ModelReportRequest:
    """Which version; a bare name means its newest. `out` is a page to write, else the project keeps it."""

    project: Path
    reference: str
    out: Path | None = None


@dataclass(frozen=True)
class ModelReportResult:
    """Where the page and its facts are."""

    reference: str
    page: Path
    facts: Path


def model_report(request: ModelReportRequest) -> ModelReportResult:
    """Write the page of a version.

    Raises `ModelUnknown`, `ReferenceInvalid`, `ReportMissing` for a version that no run of this project
    reported on, `DataError` for damaged facts, and `UsageError` for a page that does not end with .html.
    """
    if request.out is not None and request.out.suffix.lower() != ".html":
        raise UsageError(
            f"cannot write {request.out.suffix or 'a file without a suffix'!r}",
            hint="end the name with .html",
        )
    project = find_project(request.project)
    reference = request.reference if "@" in request.reference else f"{request.reference}@latest"
    version = Registry(project.database).resolve(parse_reference(reference))
    folder = project.reports / version.digest
    path = folder / "report.json"
    if not path.is_file():
        raise ReportMissing(
            f"there is no report of {version.reference}",
            hint="`mlwright run` writes the report of what it trains; an imported model has none",
        )
    facts = read_report_facts(path)
    if request.out is None:
        return ModelReportResult(version.reference, write_training_report(facts, folder), path)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(request.out, render_training_report(facts).encode())
    return ModelReportResult(version.reference, request.out, path)
