"""How systems compare over tables: the mean of their ranks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cell import Cell
from tables import Table

Grid = dict[tuple[str, str], Cell]


def ranks(table: Table, grid: Grid, systems: Sequence[str]) -> dict[str, float]:
    """Give 1 to the best system on a table; equal ones share the mean, those that failed are last.

    Empty when a system was not measured on it.
    """
    cells = [grid.get((table.name, name)) for name in systems]
    if any(cell is None for cell in cells):
        return {}
    worst = float("inf")
    sign = -1.0 if table.higher_is_better else 1.0
    losses = [worst if cell is None or cell.test is None else sign * cell.test for cell in cells]
    return {
        name: 1.0 + sum(other < loss for other in losses) + 0.5 * (losses.count(loss) - 1)
        for name, loss in zip(systems, losses, strict=True)
    }


def mean_ranks(tables: Sequence[Table], grid: Grid, systems: Sequence[str]) -> tuple[dict[str, float], int]:
    """Give each system's mean rank, and over how many tables: those on which all were measured."""
    found = [one for table in tables if table.is_ranked and (one := ranks(table, grid, systems))]
    if not found:
        return {}, 0
    return {name: statistics.fmean(one[name] for one in found) for name in systems}, len(found)
