"""Write results into the README between its markers: bars first, then every target with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reporting.bar import Bar, bar_table
from reporting.machine import machine_line
from reporting.markers import write_between_markers
from section import CPU, NGINX, Column, Section, middle


@dataclass(frozen=True)
class Results:
    """What run.py found, as it goes into `results/`."""

    date: str
    command: str
    minutes: float
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    largest_errors: Mapping[str, float]
    sections: Sequence[Section]

    @property
    def bars(self) -> list[Bar]:
        """All bars of all sections."""
        return [bar for section in self.sections for bar in section.bars]


def write_page(page: Path, results: Results) -> None:
    """Replace what stands between the markers."""
    write_between_markers(page, render(results))


def render(results: Results) -> str:
    """Give the generated part of the page."""
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    errors = ", ".join(f"{name} {error:.0e}" for name, error in results.largest_errors.items())
    parts = [
        f"Measured {results.date} with `{results.command}` in {results.minutes:.0f} minutes.",
        machine_line(results.machine),
        f"Versions: {versions}.",
        f"Largest difference from LightGBM's own probability: {errors}.",
        "",
        *bar_table(results.bars),
    ]
    for section in results.sections:
        parts += ["", f"### {section.title}", "", section.how, *section.notes]
        parts += ["", "Median (lowest–highest over repetitions):", "", *_table(section)]
    return "\n".join(parts)


def _table(section: Section) -> list[str]:
    base = middle(section.repetitions, NGINX, CPU.field)
    headings = ["target", *(column.heading for column in section.columns)]
    if base is not None:
        headings.insert(2, "× nginx")
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for target, rows in section.repetitions.items():
        cells = [target, *(_cell(column, rows) for column in section.columns)]
        if base is not None:
            own = middle(section.repetitions, target, CPU.field)
            cells.insert(2, "–" if own is None else f"{own / base:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cell(column: Column, rows: Sequence[Mapping[str, float]]) -> str:
    values = [row[column.field] * column.scale for row in rows if row.get(column.field) is not None]
    if not values:
        return "–"
    if column.total:
        return f"{sum(values):,.{column.digits}f}"
    low, high = min(values), max(values)
    text = f"{statistics.median(values):,.{column.digits}f}"
    return text if low == high else f"{text} ({low:,.{column.digits}f}–{high:,.{column.digits}f})"
