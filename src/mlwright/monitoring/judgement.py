"""A monitor's answer: a verdict with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

VerdictWord: TypeAlias = Literal["pass", "fail", "inconclusive"]
Severity: TypeAlias = Literal["page", "ticket"]


@dataclass(frozen=True)
class Judgement:
    """What a monitor says of one version now."""

    monitor: str
    verdict: VerdictWord
    severity: Severity
    summary: str
    evidence: dict[str, object] = field(default_factory=dict)
