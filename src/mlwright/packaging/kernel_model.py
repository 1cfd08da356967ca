"""What a kernel of the server runs: the bytes of a model, and what its package says of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mlwright.data import Column
from mlwright.features import TransformDocument
from mlwright.packaging.forest import thresholds_of

Task: TypeAlias = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class KernelModel:
    """A converted model: its bytes and what its signature needs."""

    data: bytes
    columns: tuple[Column, ...]
    """What it reads. Without a transform one per feature of the model, in its order."""
    outputs: int
    task: Task
    is_named: bool
    """Whether the columns have names, so that rows are named columns and not one tensor."""
    levels: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Texts of the columns that are texts: rows of checks hold their places in this list, -1 for others."""
    categorical: frozenset[int] = frozenset()
    """Columns whose values are categories: texts of `levels`, or whole numbers."""
    classes: tuple[object, ...] | None = None
    """What the outputs stand for; None: 0, 1, …"""
    threshold: float = 0.5
    """The score from which a binary model says positive."""
    takes_infinite: bool = True
    """Whether its library takes numbers that are infinite in float32."""
    engine: Literal["trees", "linear", "blend", "onnx"] = "trees"
    transform: TransformDocument | None = None
    """From columns to features; None: each column is one, texts are their place in `levels`."""
    values: Mapping[int, Sequence[float]] | None = None
    """Numbers of a column at which answers change; None: the thresholds of the trees."""
    limits: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    """Least and largest number of a column that a check asks for, where not every float32."""
    closed: frozenset[int] = frozenset()
    """Columns of texts that take no text but those of `levels`."""
    sentences: frozenset[int] = frozenset()
    """Columns whose texts are read word by word: `levels` are examples of them for a check."""

    @property
    def near(self) -> dict[int, list[float]]:
        """Give the numbers of each column where a check looks hardest."""
        if self.values is None:
            return thresholds_of(self.data)
        return {place: list(values) for place, values in self.values.items()}
