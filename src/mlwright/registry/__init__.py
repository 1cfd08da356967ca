"""Append-only list of model versions and of who moved which alias."""

from mlwright.registry.reference import ModelReference, parse_reference
from mlwright.registry.registry import AliasMove, NewVersion, Registry, Version, aliases_of

__all__ = [
    "AliasMove",
    "ModelReference",
    "NewVersion",
    "Registry",
    "Version",
    "aliases_of",
    "parse_reference",
]
