"""Rows that are copies of each other, which must not stand on two sides of a split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

MOST_COPIES = 0.8  # share of distinct rows below which copies are ordinary


def row_copies(frame: pl.DataFrame, *, label: str | None = None) -> npt.NDArray[np.uint64]:
    """Give rows that are equal but for the label the same number.

    Where equal rows are ordinary (a few columns with few values) each row stands for itself.

    >>> frame = pl.DataFrame({"x": [1, 2, 3, 4, 5, 1], "y": [0, 1, 0, 1, 0, 1]})
    >>> copies = row_copies(frame, label="y")
    >>> bool(copies[0] == copies[5]), len(set(copies.tolist()))
    (True, 5)
    """
    inputs = frame.drop(label) if label in frame.columns and frame.width > 1 else frame
    hashes = inputs.hash_rows(seed=1)
    if hashes.n_unique() < MOST_COPIES * len(hashes):
        return np.arange(len(hashes), dtype=np.uint64)
    return hashes.to_numpy()
