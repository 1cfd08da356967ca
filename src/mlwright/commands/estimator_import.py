"""`mlwright.import_estimator`: a fitted scikit-learn estimator becomes a version like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlwright.commands.model_import import ModelImportResult, model_name, register_imported
from mlwright.project import find_project


@dataclass(frozen=True)
class EstimatorImportRequest:
    """Which estimator; without a name the project's is used."""

    project: Path
    estimator: object
    name: str | None = None


def estimator_import(request: EstimatorImportRequest) -> ModelImportResult:
    """Convert, check against the estimator itself on generated rows, and register.

    Raises `ModelUnsupported`, `ParityFailed`, `ReferenceInvalid` for a name that cannot be one.
    """
    project = find_project(request.project)
    name = model_name(project, request.name)
    from mlwright.packaging.importing import import_fitted

    imported = import_fitted(request.estimator, name)
    reason = f"imported a {type(request.estimator).__name__}"
    return register_imported(project, imported, "scikit-learn", reason)
