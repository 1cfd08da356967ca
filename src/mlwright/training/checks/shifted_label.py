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
        self._blocks = [(order.said, *_block(target, order)) for order in orders]

    def find(self, numbers: Floats) -> str:
        """Say which later labels a column repeats; "" if none.

        >>> label = np.random.default_rng(1).random(300)
        >>> shifted = ShiftedLabels(label, [Order("in the order of the table", np.arange(300))])
        >>> shifted.find(np.append(label[2:], [np.nan, np.nan]))
        'the label 2 rows later in the order of the table'
        """
        best, said = SAME, ""
        for order, rows, names, views in self._blocks:
            same = _correlations(numbers[rows], views)
            place = int(np.argmax(same))
            if same[place] > best + 1e-9:
                best, said = float(same[place]), f"{names[place]} {order}"
        return said


def _block(target: Floats, order: Order) -> tuple[Rows, list[str], Floats]:
    """Give the middle of an order, whole groups after each other, and the later labels of its rows."""
    rows = order.rows
    if order.groups is not None:
        rows = rows[np.argsort(order.groups[rows], kind="stable")]
    start = max((len(rows) - BLOCK) // 2, 0)
    rows = rows[start : start + BLOCK]
    groups = np.zeros(len(rows), dtype=np.int64) if order.groups is None else order.groups[rows]
    made = _later(pl.col("y"))
    found = pl.DataFrame({"y": target[rows], "g": groups}).select(
        value.over("g").alias(name) for name, value in made.items()
    )
    return rows, list(made), found.fill_null(float("nan")).to_numpy().T


def _later(y: pl.Expr) -> dict[str, pl.Expr]:
    made = {f"the label {n} row{'s' * (n > 1)} later": y.shift(-n) for n in STEPS}
    for n in WINDOWS:
        forward = y.reverse().rolling_mean(n).reverse()
        made[f"the mean label of the next {n} rows"] = forward.shift(-1)
        made[f"the mean label of this and the next {n - 1} rows"] = forward
        if n % 2:
            made[f"the mean label of {n} rows around"] = y.rolling_mean(n, center=True)
    return made


def _correlations(values: Floats, views: Floats) -> Floats:
    """Give the correlation with each view over the rows that both have."""
    has, seen = np.isfinite(values).astype(float), np.isfinite(views).astype(float)
    x, z = (np.nan_to_num(some, posinf=0.0, neginf=0.0) for some in (values, views))
    x = (x - x.mean()) / (x.std() or 1.0)
    count = np.maximum(seen @ has, 1.0)
    mean_x, mean_z = seen @ (x * has) / count, z @ has / count
    var_x = seen @ (x**2 * has) / count - mean_x**2
    var_z = z**2 @ has / count - mean_z**2
    both = z @ (x * has) / count - mean_x * mean_z
    usable = (count >= FEWEST_ROWS) & (var_x > 1e-9) & (var_z > 1e-12)
    return np.where(usable, both / np.sqrt(np.where(usable, var_x * var_z, 1.0)), 0.0)
