"""From registered versions to what an endpoint serves of them."""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.deployment.deployment import Deployment, Variant
from mlwright.registry import ModelReference, Version
from mlwright.registry.registry import resolve_in
from mlwright.store import Reader


def serve_exactly(references: Sequence[ModelReference], tx: Reader) -> list[Deployment]:
    """Say what a server does that serves versions by name: one endpoint per model.

    Raises `ModelUnknown`.
    """
    versions = [(reference, resolve_in(tx, reference)) for reference in references]
    return [
        Deployment(
            reference.name,
            reference.name,
            None,
            f"{reference.name}-0",
            None,
            (variant_of(version, variant_name(reference), 1.0),),
        )
        for reference, version in versions
    ]


def variant_of(version: Version, name: str, weight: float) -> Variant:
    """Describe a version that takes a share of an endpoint's units."""
    return Variant(name, version.name, version.number, version.digest, weight)


def variant_name(reference: ModelReference) -> str:
    """Name the variant that a reference asks for."""
    return "pinned" if isinstance(reference.at, int) else reference.at
