"""The answer of a gate or a monitor, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Answer: TypeAlias = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """What the evidence says; too little of it is inconclusive, never a pass."""

    answer: Answer
    evidence: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Give the JSON object of this verdict."""
        return {"answer": self.answer, "evidence": dict(self.evidence)}
