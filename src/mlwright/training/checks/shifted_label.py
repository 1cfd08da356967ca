"""Find a column that is the label of another row: a later one, or a mean over rows around.

Idea: in the order of time (else of the table), and within each value of a column that names who the rows are
about, a column is compared with the label some rows further on and with its means over windows. Equality up
to a linear scale is no chance. An earlier label alone is history and fine; a later one is not known in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.training.checks.check import Floats, Rows

STEPS = (1, 2, 3, 7, 12, 24, 30)
WINDOWS = (2, 3, 5, 7, 14, 28)
SAME = 0.99
FEWEST_ROWS = 50
BLOCK = 5_000  # rows in a row that are compared


@dataclass(frozen=True)
class Order:
    """Rows in an order that may be meant by "later", followed within each of `groups` if given."""

    said: str
    rows: Rows
    groups: Rows | None = None


class ShiftedLabels:
    """Later labels, and means over windows that reach into later rows, in each order that may be meant."""

    def __init__(self, target: Floats, orders: Sequence[Order]) -> None:
        self._blocks = [_block(target, order) for order in orders]

    def find(self, numbers: Floats) -> str:
        """Say which later labels a column repeats; "" if none.

        >>> label = np.random.default_rng(1).random(300)
        >>> shifted = ShiftedLabels(label, [Order("in the order of the table", np.arange(300))])
        >>> shifted.find(np.append(label[2:], [np.nan, np.nan]))
        'the label 2 rows later in the order of the table'
        """
        best, said = SAME, ""
        for block in self._blocks:
            same = block.correlations(numbers[block.rows])
            place = int(np.argmax(same))
            if same[place] > best + 1e-9:
                best, said = float(same[place]), f"{block.names[place]} {block.order}"
        return said


class _Block:
    """Some rows in an order, and the later labels of each: `views` are the labels by name, NaN for none."""

    def __init__(self, order: str, rows: Rows, views: pl.DataFrame) -> None:
        self.order, self.rows, self.names = order, rows, views.columns
        labels = views.fill_null(float("nan")).to_numpy().T
        self._seen = np.isfinite(labels).astype(float)
        self._labels = np.where(self._seen > 0, labels, 0.0)
        self._squares = self._labels**2

    def correlations(self, values: Floats) -> Floats:
        """Give the correlation of the values of the rows with each view, over the rows that both have."""
        is_given = np.isfinite(values)
        has = is_given.astype(float)
        x = np.where(is_given, values, 0.0)
        x = (x - x.mean()) / (x.std() or 1.0) * has
        counts, sums_x, squares_x = (self._seen @ np.column_stack((has, x, x**2))).T
        sums_z, products = (self._labels @ np.column_stack((has, x))).T
        count = np.maximum(counts, 1.0)
        mean_x, mean_z = sums_x / count, sums_z / count
        var_x = squares_x / count - mean_x**2
        var_z = self._squares @ has / count - mean_z**2
        both = products / count - mean_x * mean_z
        usable = (count >= FEWEST_ROWS) & (var_x > 1e-9) & (var_z > 1e-12)
        return np.where(usable, both / np.sqrt(np.where(usable, var_x * var_z, 1.0)), 0.0)


def _block(target: Floats, order: Order) -> _Block:
    """Take the middle of an order, whole groups after each other, and the later labels of its rows."""
    rows, start = order.rows, max((len(order.rows) - BLOCK) // 2, 0)
    if order.groups is None:
        rows = rows[start : start + BLOCK]
        groups = np.zeros(len(rows), dtype=np.int64)
    else:
        ends = np.cumsum(np.bincount(order.groups))
        first, last = np.searchsorted(ends, (start, start + BLOCK - 1), side="right")
        begun = start - (int(ends[first - 1]) if first else 0)
        rows = rows[(order.groups[rows] >= first) & (order.groups[rows] <= last)]
        rows = rows[np.argsort(order.groups[rows], kind="stable")][begun : begun + BLOCK]
        groups = order.groups[rows]
    views = pl.DataFrame({"y": target[rows], "g": groups}).select(
        value.over("g").alias(name) for name, value in _later(pl.col("y")).items()
    )
    return _Block(order.said, rows, views)


def _later(y: pl.Expr) -> dict[str, pl.Expr]:
    made = {f"the label {n} row{'s' * (n > 1)} later": y.shift(-n) for n in STEPS}
    for n in WINDOWS:
        forward = y.reverse().rolling_mean(n).reverse()
        made[f"the mean label of the next {n} rows"] = forward.shift(-1)
        made[f"the mean label of this and the next {n - 1} rows"] = forward
        if n % 2:
            made[f"the mean label of {n} rows around"] = y.rolling_mean(n, center=True)
    return made
