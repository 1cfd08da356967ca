"""What is needed to fit the chosen members again on other rows, as data that one step hands to another."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from mlwright.features import Pair
from mlwright.training.learner import Candidate, Encoding, Family, Setting

GROWTH = 0.35  # rounds grow with this power of the rows, as from folds to all training rows (1.5 gives 1.15)


@dataclass(frozen=True)
class MemberPlan:
    """What a member is, without its trees."""

    name: str
    family: Family
    encoding: Encoding
    settings: Mapping[str, Setting]
    weight: float
    rounds: int
    draw: int = 0

    @property
    def candidate(self) -> Candidate:
        """Give the candidate that it was."""
        return Candidate(self.name, self.family, self.encoding, self.settings)

    def grown_rounds(self, more: float) -> int:
        """Give the rounds for so many times as many rows; passes and a forest's trees stay as many.

        >>> MemberPlan("lgb-31", "lightgbm", "native", {"num_leaves": 31}, 1.0, 500).grown_rounds(1.25)
        541
        """
        return math.ceil(self.rounds * more**GROWTH) if self.candidate.is_boosted else self.rounds


@dataclass(frozen=True)
class FullPlan:
    """The members, what they see together, and the CPU seconds that fitting them took."""

    members: tuple[MemberPlan, ...]
    pairs: tuple[Pair, ...]
    is_logarithmic: bool
    seconds: float

    def to_json(self) -> str:
        """Give it as text."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FullPlan:
        """Read what `to_json` wrote."""
        plan = json.loads(text)
        return cls(
            tuple(MemberPlan(**member) for member in plan["members"]),
            tuple(Pair(**pair) for pair in plan["pairs"]),
            plan["is_logarithmic"],
            plan["seconds"],
        )
