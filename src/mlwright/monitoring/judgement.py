"""A monitor's answer: a verdict with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from mlwright.evaluation import Answer  # at run time it would load numpy into the control loop

Severity: TypeAlias = Literal["page", "ticket"]


@dataclass(frozen=True)
class Judgement:
    """What a monitor says of one version now."""

    monitor: str
    verdict: Answer
    severity: Severity
    summary: str
    evidence: dict[str, object] = field(default_factory=dict)
