"""What is said of a column everywhere: its name, its type, whether it may be empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ColumnType: TypeAlias = Literal["number", "integer", "boolean", "string", "timestamp"]
ClassValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Column:
    """One column that a model reads."""

    name: str
    type: ColumnType
    nullable: bool = True
