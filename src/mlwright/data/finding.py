"""Something noticed about data or a model, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "blocking"]


@dataclass(frozen=True)
class Finding:
    """A named observation; `evidence` holds the numbers behind the sentence.

    `blocking` means that rows were kept out because of it.
    """

    name: str
    severity: Severity
    text: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Give the JSON object of this finding."""
        return {
            "name": self.name,
            "severity": self.severity,
            "text": self.text,
            "evidence": dict(self.evidence),
        }
