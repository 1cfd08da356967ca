"""Write what was measured into the README between its markers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bars import bars_of
from cell import Cell
from ranks import Grid, mean_ranks
from reporting.bar import Bar, bar_table
from reporting.machine import machine_line
from systems import BUDGETED
from tables import TABLES, Table


@dataclass(frozen=True)
class Results:
    """What a run found, as it goes into `results/`."""

    date: str
    command: str
    budget: float
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    cells: Sequence[Cell]

    @property
    def grid(self) -> Grid:
        """Find cells by table and system."""
        return {(cell.table, cell.system): cell for cell in self.cells}

    @property
    def tables(self) -> list[Table]:
        """Give the tables that took part, in their order."""
        return [table for name, table in TABLES.items() if any(cell.table == name for cell in self.cells)]

    @property
    def systems(self) -> list[str]:
        """Give the systems that took part, in their order."""
        return list(dict.fromkeys(cell.system for cell in self.cells))

    @property
    def bars(self) -> list[Bar]:
        """Give the promised numbers."""
        return bars_of(self.grid, self.tables, self.systems)


def render(results: Results) -> str:
    """Give the generated part of the page."""
    pins = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    loads = [cell.load for cell in results.cells]
    parts = [
        f"Measured until {results.date} with `{results.command}`, {results.budget:g} CPU-seconds, seed"
        f" {', '.join(sorted({str(cell.seed) for cell in results.cells}))}.",
        machine_line(results.machine),
        f"Load average when a cell began: {min(loads):.1f}–{max(loads):.1f}.",
        f"Versions: {pins}.",
        "",
        *bar_table(results.bars),
        "",
        "### Test scores",
        "",
        "AUC (higher is better), log-loss of several classes and RMSE (lower is better); best in bold.",
        "",
        *_scores(results),
        "",
        *_ranks(results),
    ]
    for title, how, show in SECTIONS:
        parts += ["", f"### {title}", "", how, "", *_grid(results, show)]
    failed = [cell for cell in results.cells if cell.failed]
    if failed:
        parts += ["", "### Failures", ""]
        parts += [f"- {cell.system} on {cell.table}: {cell.failed.splitlines()[-1]}" for cell in failed]
    return "\n".join(parts)


def _scores(results: Results) -> list[str]:
    grid, lines = results.grid, _head(results, "split", "tuned on")
    for table in results.tables:
        cells = [grid.get((table.name, name)) for name in results.systems]
        known = [cell.test for cell in cells if cell and cell.test is not None]
        best = (max if table.higher_is_better else min)(known) if known else None
        shown = [_score(table, cell, best) for cell in cells]
        used = "yes" if table.is_tuned_on else "no"
        lines.append(f"| {table.name}, {table.metric} | {table.split} | {used} | {' | '.join(shown)} |")
    return lines


def _score(table: Table, cell: Cell | None, best: float | None) -> str:
    if cell is None:
        return "–"
    if cell.test is None:
        return "failed"
    text = f"{cell.test:.4f}" if table.task != "regression" else f"{cell.test:,.4g}"
    return f"**{text}**" if cell.test == best else text


def _ranks(results: Results) -> list[str]:
    budgeted = [name for name in results.systems if name in BUDGETED]
    untouched = [table for table in results.tables if not table.is_tuned_on]
    lines = []
    for title, tables, systems in (
        ("Mean rank of all systems", results.tables, results.systems),
        ("Mean rank of those with a budget", results.tables, budgeted),
        ("The same on tables that nothing was tuned on", untouched, budgeted),
    ):
        means, count = mean_ranks(tables, results.grid, systems) if len(systems) > 1 else ({}, 0)
        said = ", ".join(
            f"{name} {mean:.2f}" for name, mean in sorted(means.items(), key=lambda item: item[1])
        )
        lines.append(f"- {title}, {count} tables: {said or 'not measured'}.")
    return lines


def _grid(results: Results, show: Callable[[Table, Cell], str]) -> list[str]:
    lines = _head(results)
    for table in results.tables:
        shown = []
        for name in results.systems:
            cell = results.grid.get((table.name, name))
            shown.append("–" if cell is None or cell.test is None else show(table, cell))
        lines.append(f"| {table.name} | {' | '.join(shown)} |")
    return lines


def _head(results: Results, *more: str) -> list[str]:
    names = ["table", *more, *results.systems]
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def _honesty(table: Table, cell: Cell) -> str:
    if cell.validation is None or cell.test is None:
        return "–"
    if table.task == "binary":
        return f"{cell.validation - cell.test:+.4f}"
    return f"{100 * (cell.test - cell.validation) / cell.test:+.1f} %"


def _spent(_: Table, cell: Cell) -> str:
    return "–" if cell.cpu_seconds is None else f"{cell.cpu_seconds:.1f}"


def _memory(_: Table, cell: Cell) -> str:
    return "–" if cell.peak_rss_mb is None else f"{cell.peak_rss_mb:,.0f}"


def _row(_: Table, cell: Cell) -> str:
    return "–" if cell.row_p50_ms is None else f"{cell.row_p50_ms:.3g} / {cell.row_p99_ms:.3g}"


def _package(_: Table, cell: Cell) -> str:
    return "–" if cell.package_kb is None else f"{cell.package_kb:,.0f}"


SECTIONS: tuple[tuple[str, str, Callable[[Table, Cell], str]], ...] = (
    (
        "What the system promised",
        "Its own estimate before it saw the test, minus the test (AUC), or the part of the test's loss that"
        " it did not foresee. Positive: it promised too much. The libraries with defaults promise nothing.",
        _honesty,
    ),
    (
        "CPU seconds",
        "User and system time: of mlwright the whole `run` with imports, checks, evaluation and package; of"
        " the others the fit, with what it imports.",
        _spent,
    ),
    (
        "Peak memory, MB",
        "Of mlwright the largest of its processes; of the others until the fit ended.",
        _memory,
    ),
    (
        "One row, CPU ms, p50 / p99",
        "mlwright through the server's kernel from raw values; the others from a frame of one row.",
        _row,
    ),
    ("Package, kB", "Everything that is needed besides libraries.", _package),
)
