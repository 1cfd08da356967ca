"""Something noticed about data or a model, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "blocking"]


@dataclass(frozen=True)
class Finding:
    """A named observation; `evidence` holds the numbers behind the sentence, `advice` names a remedy.

    `blocking` means that it stops a promotion.
    """

    name: str
    severity: Severity
    text: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    advice: str = ""
    column: str | None = None

    @property
    def key(self) -> str:
        """Give the name by which settings speak of it.

        >>> Finding("leak.column", "warning", "air_time tells the label", column="air_time").key
        'leak.column:air_time'
        """
        return self.name if self.column is None else f"{self.name}:{self.column}"

    def to_json(self) -> dict[str, object]:
        """Give the JSON object of this finding."""
        return {
            "name": self.name,
            "key": self.key,
            "severity": self.severity,
            "text": self.text,
            "evidence": dict(self.evidence),
            "advice": self.advice,
        }
