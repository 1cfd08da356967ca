"""Numbers in pieces for networks: how much of each interval between quantiles lies below a number.

A network learns jumps and heavy tails from such pieces that it does not learn from the numbers themselves
(Gorishniy et al. 2022, On embeddings for numerical features). A piece is the difference of two sums that are
cut off at zero, so the pieces are a first layer like the others, and exported as one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.training.learner import Floats

LIMIT = 8.0  # numbers farther out count as that far, in standard deviations
NARROWEST = 1e-3
MOST_ROWS = 20_000  # that quantiles are taken of


@dataclass(frozen=True)
class Pieces:
    """The edges of the intervals of each column, rising; a constant column has none."""

    edges: tuple[Floats, ...]

    @classmethod
    def of(cls, values: Floats, pieces: int) -> Pieces:
        """Choose edges: half of them by how many rows the intervals hold, half by how many different numbers.

        >>> [edges.tolist() for edges in Pieces.of(np.array([[0.0, 5.0], [1.0, 5.0], [0.0, 5.0]]), 4).edges]
        [[0.0, 1.0], []]
        """
        rows = np.clip(values[:: -(-len(values) // MOST_ROWS)], -LIMIT, LIMIT)
        shares = np.linspace(0.0, 1.0, pieces // 2 + 1)
        return cls(tuple(_edges(column, shares) for column in rows.T))

    @property
    def width(self) -> int:
        """Count the pieces."""
        return sum(max(len(edges) - 1, 0) for edges in self.edges)

    def apply(self, values: Floats) -> npt.NDArray[np.float32]:
        """Give the share of each interval that lies below each number."""
        found = np.empty((len(values), self.width), dtype=np.float32)
        at = 0
        for column, edges in zip(values.T, self.edges, strict=True):
            for low, high in itertools.pairwise(edges):
                found[:, at] = np.clip((column - low) / (high - low), 0.0, 1.0)
                at += 1
        return found

    def before(self, layers: Sequence[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
        """Give the layers over the numbers themselves that say what `layers` say over the pieces."""
        edges = np.concatenate([np.zeros(0), *self.edges])
        owner = np.repeat(np.arange(len(self.edges)), [len(one) for one in self.edges])
        distance = (np.arange(len(self.edges))[:, None] == owner).astype(np.float64)
        (weights, bias), *rest = layers
        taken = np.zeros((len(edges), weights.shape[1]))
        at = first = 0
        for one in self.edges:
            for place in range(len(one) - 1):
                slope = weights[at] / (one[place + 1] - one[place])
                taken[first + place] += slope
                taken[first + place + 1] -= slope
                at += 1
            first += len(one)
        return [(distance, -edges), (taken, bias), *rest]


def _edges(column: Floats, shares: Floats) -> Floats:
    """Choose the edges of a column; those that are too near to the one before are left out."""
    chosen = [np.quantile(some, shares, method="nearest") for some in (column, np.unique(column))]
    kept: list[float] = []
    for edge in np.unique(np.concatenate(chosen)).tolist():
        if not kept or edge - kept[-1] >= NARROWEST:
            kept.append(edge)
    return np.array(kept if len(kept) > 1 else [])
