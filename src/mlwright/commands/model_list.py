"""`mlwright model list`: every version with its aliases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlwright.project import find_project
from mlwright.registry import Registry, aliases_of


@dataclass(frozen=True)
class ModelListRequest:
    """Which project."""

    project: Path


@dataclass(frozen=True)
class ListedVersion:
    """One version in a list."""

    reference: str
    aliases: tuple[str, ...]
    verdict: str
    framework: str
    origin: str
    created_at: str
    digest: str


@dataclass(frozen=True)
class ModelListResult:
    """All versions of a project, by model and number."""

    versions: tuple[ListedVersion, ...]


def model_list(request: ModelListRequest) -> ModelListResult:
    """List all versions."""
    registry = Registry(find_project(request.project).database)
    return ModelListResult(
        tuple(
            ListedVersion(
                version.reference,
                aliases_of(registry, version),
                version.verdict,
                version.framework,
                version.origin,
                version.created_at,
                version.digest,
            )
            for version in registry.versions()
        )
    )
