"""The numbers that the trainer promises."""

from __future__ import annotations

from collections.abc import Sequence

from cell import Cell
from ranks import Grid, mean_ranks
from reporting.bar import Bar
from tables import Table

FEWEST_TABLES = 8  # over which a mean rank is told as a bar


def bars_of(grid: Grid, tables: Sequence[Table], systems: Sequence[str]) -> list[Bar]:
    """Hold what was measured against what was promised; what was not measured does not hold."""
    own = [grid[table.name, "mlwright"] for table in tables if (table.name, "mlwright") in grid]
    large = grid.get(("large", "mlwright"))
    means, compared = mean_ranks(tables, grid, systems)
    others = [mean for name, mean in means.items() if name != "mlwright"]
    is_ranked = "mlwright" in means and others and compared >= FEWEST_TABLES
    lead = means["mlwright"] - min(others) if is_ranked else None
    timed = [table.name for table in tables if table.time is not None]
    return [
        Bar("flights, AUC", 0.69, _test(grid, "flights"), at_least=True, digits=4),
        Bar("adult, AUC", 0.927, _test(grid, "adult"), at_least=True, digits=4),
        Bar("diamonds, RMSE", 525, _test(grid, "diamonds"), digits=1),
        Bar(f"mean rank minus the best other's, at least {FEWEST_TABLES} tables", 0, lead),
        Bar("timed tables with AUC: promised minus test, farthest", 0.05, _farthest(own, timed), digits=4),
        Bar("one row, CPU ms, p50, slowest table", 0.2, _most(own, "row_p50_ms"), digits=3),
        Bar("one row, CPU ms, p99, slowest table", 0.5, _most(own, "row_p99_ms"), digits=3),
        Bar("package, MB, largest", 15, _scaled(_most(own, "package_kb"), 1 / 1024)),
        Bar("285 000 × 30 rows, peak MB", 1536, None if large is None else large.peak_rss_mb, digits=0),
        Bar("CPU seconds / budget, largest", 1.1, _overshoot(own)),
    ]


def _test(grid: Grid, table: str) -> float | None:
    cell = grid.get((table, "mlwright"))
    return None if cell is None else cell.test


def _most(cells: Sequence[Cell], field: str) -> float | None:
    return max((value for cell in cells if (value := getattr(cell, field)) is not None), default=None)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _overshoot(cells: Sequence[Cell]) -> float | None:
    return max(
        (cell.cpu_seconds / cell.budget for cell in cells if cell.cpu_seconds is not None), default=None
    )


def _farthest(cells: Sequence[Cell], timed: Sequence[str]) -> float | None:
    """Only AUC has a bar; RMSE of timed tables stands in the table of promises."""
    gaps = [
        abs(cell.validation - cell.test)
        for cell in cells
        if cell.table in timed and cell.validation is not None and cell.test is not None and cell.test <= 1
    ]
    return max(gaps, default=None)
