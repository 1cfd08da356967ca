"""A named live endpoint: which versions answer, at which shares."""

from __future__ import annotations

from mlwright.record import Record


class Variant(Record):
    """One model version in a deployment; `weight` is its share of units, 0..1."""

    name: str
    model: str
    version: int
    digest: str
    weight: float


class Mirror(Record):
    """A deployment that is shown the same requests in shadow, and the share of units, 0..1."""

    to: str
    share: float


class Deployment(Record):
    """What one endpoint should do.

    Variants own consecutive intervals of the unit hash in their order. The candidate stands first, so that
    raising its share moves units from champion to candidate and never back.
    """

    name: str
    model: str
    unit: str | None
    salt: str
    rollout: int | None
    variants: tuple[Variant, ...]
    cache_entries: int = 0
    mirror: Mirror | None = None

    def to_json(self) -> dict[str, object]:
        """Give the part of the deployment document that describes this endpoint."""
        options: dict[str, object] = {}
        if self.cache_entries:
            options["cache_entries"] = self.cache_entries
        if self.mirror is not None:
            options["mirror"] = {"to": self.mirror.to, "share": self.mirror.share}
        return options | {
            "name": self.name,
            "model": self.model,
            "unit": self.unit,
            "salt": self.salt,
            "rollout": self.rollout,
            "variants": [
                {
                    "name": variant.name,
                    "model": variant.model,
                    "version": variant.version,
                    "digest": variant.digest,
                    "weight": variant.weight,
                }
                for variant in self.variants
            ],
        }
