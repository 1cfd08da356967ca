"""Lists of rows that are ranked against each other: numbered, and kept on one side of a division."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.roles import require_column

Rows: TypeAlias = npt.NDArray[np.int64]

MOST_GRADES = 1_000  # different values of relevance
MOST_RETURNING = 0.5  # share of the lists asked about that may have earlier rows and still be one list


def number_lists(frame: pl.DataFrame, query: str | None) -> Rows | None:
    """Number the list of each row, -1 for none; None without such a column.

    >>> number_lists(pl.DataFrame({"search": ["b", "a", None, "b"]}), "search")
    array([ 1,  0, -1,  1])
    """
    if query is None:
        return None
    require_column(query, frame.columns)
    ranks = frame[query].cast(pl.String).rank("dense").cast(pl.Int64)
    return (ranks - 1).fill_null(-1).to_numpy()


def is_gradable(label: pl.Series) -> bool:
    """Tell whether numbers can say how relevant rows are: from 0 up, and not ever more of them.

    >>> is_gradable(pl.Series([0, 2, 1, None])), is_gradable(pl.Series([-1.5, 2.0]))
    (True, False)
    """
    values = label.cast(pl.Float64, strict=False).drop_nulls()
    lowest = values.filter(values.is_finite()).min()
    return isinstance(lowest, float) and lowest >= 0 and values.n_unique() <= MOST_GRADES


def without_divided(train: Rows, asked: Rows, lists: Rows | None) -> Rows:
    """Leave out the training rows of lists that are asked about as well.

    If more than half of the lists have rows on both sides, the column names something that returns, such as a
    user, whose earlier rows are known when the later ones are asked about: then both sides keep theirs.

    >>> without_divided(np.array([0, 1, 2]), np.array([3, 4, 5]), np.array([0, 0, 1, 1, 2, 3]))
    array([0, 1])
    """
    if lists is None:
        return train
    both = np.intersect1d(lists[train], lists[asked])
    both = both[both >= 0]
    if len(both) > MOST_RETURNING * len(np.unique(lists[asked])):
        return train
    return train[~np.isin(lists[train], both)]
