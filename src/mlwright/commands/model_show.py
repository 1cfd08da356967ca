"""`mlwright model show`: one version, its metrics, and the moves of its model's aliases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlwright.project import find_project
from mlwright.registry import AliasMove, Registry, aliases_of, parse_reference


@dataclass(frozen=True)
class ModelShowRequest:
    """Which version; a bare name means its newest."""

    project: Path
    reference: str


@dataclass(frozen=True)
class ModelShowResult:
    """One version, as registry and package tell it."""

    reference: str
    aliases: tuple[str, ...]
    task: str
    framework: str
    origin: str
    verdict: str
    created_at: str
    digest: str
    package: Path
    metrics: Mapping[str, object]
    signature: Mapping[str, object]
    moves: tuple[AliasMove, ...]
    versions: tuple[str, ...]


def model_show(request: ModelShowRequest) -> ModelShowResult:
    """Look a version up.

    Raises `ModelUnknown`, `ReferenceInvalid`.
    """
    project = find_project(request.project)
    registry = Registry(project.database)
    reference = request.reference if "@" in request.reference else f"{request.reference}@latest"
    version = registry.resolve(parse_reference(reference))
    package = project.packages / version.digest
    manifest = package / "manifest.json"
    signature = json.loads(manifest.read_text(encoding="utf-8"))["signature"] if manifest.exists() else {}
    return ModelShowResult(
        reference=version.reference,
        aliases=aliases_of(registry, version),
        task=version.task,
        framework=version.framework,
        origin=version.origin,
        verdict=version.verdict,
        created_at=version.created_at,
        digest=version.digest,
        package=package,
        metrics=version.metrics,
        signature=signature,
        moves=tuple(registry.moves(version.name)),
        versions=tuple(item.reference for item in registry.versions(version.name)),
    )
