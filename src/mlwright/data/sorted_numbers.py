"""Columns of numbers measured on their sorted values: an expression for each of thousands takes long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SortedNumbers:
    """Columns as rows of sorted values, those that are null last; `given` counts the others."""

    values: Floats
    given: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frame: pl.DataFrame, names: Sequence[str]) -> SortedNumbers:
        """Sort columns.

        >>> found = SortedNumbers.of(pl.DataFrame({"x": [3.0, None, 1.0, 3.0]}), ["x"])
        >>> found.medians().tolist(), found.top_counts().tolist()
        ([3.0], [2])
        """
        taken = frame.select(pl.col(list(names)).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
        values = np.sort(np.ascontiguousarray(taken.T), axis=1)
        return cls(values, values.shape[1] - np.isnan(values).sum(axis=1))

    def medians(self) -> Floats:
        """Give the middle of each column, NaN without values."""
        if not self.values.size:
            return np.full(len(self.values), np.nan)
        places = np.maximum(self.given - 1, 0)
        columns = np.arange(len(self.values))
        low, high = self.values[columns, places // 2], self.values[columns, self.given // 2 * (places > 0)]
        with np.errstate(invalid="ignore"):  # between -inf and a number there is no middle, as polars has it
            middle = np.where(low == high, low, low + (high - low) / 2)
        return np.where(self.given > 0, middle, np.nan)

    def top_counts(self) -> npt.NDArray[np.int64]:
        """Count the rows with the commonest value."""
        return np.array([_longest_run(column) for column in self.values]) * (self.given > 0)


def _longest_run(values: Floats) -> int:
    ends = np.flatnonzero(values[1:] != values[:-1])
    return int(np.diff(ends, prepend=-1, append=len(values) - 1).max())
