"""Two columns that a model sees together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

PairOperation: TypeAlias = Literal["ratio", "difference", "cross"]


@dataclass(frozen=True)
class Pair:
    """Two columns and what to compute of them."""

    operation: PairOperation
    left: str
    right: str

    @property
    def name(self) -> str:
        """Give the name of its output, or of its outputs before a suffix."""
        return f"{self.left}|{self.operation}|{self.right}"
