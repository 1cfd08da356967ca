"""Which variant a unit gets: salted XXH64, integer comparison only, equal in every language."""

from __future__ import annotations

from collections.abc import Sequence

from mlwright import native


def unit_hash(salt: str, unit: str) -> int:
    """Give the 53-bit hash of a unit under a salt.

    >>> unit_hash("ranking", "u1")
    1227603564824346
    """
    return native.unit_hash(salt, unit)


def thresholds(weights: Sequence[float]) -> list[int]:
    """Turn weights that sum to 1 into cumulative 53-bit thresholds."""
    return native.thresholds(list(weights))


def choose_variant(hash53: int, cumulative: Sequence[int]) -> int:
    """Give the index of the variant that owns a hash."""
    return native.choose_variant(hash53, list(cumulative))
