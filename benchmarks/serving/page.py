"""Write results into the README between its markers: spread beside every number."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

BEGIN, END = "<!-- results: written by run.py, do not edit -->", "<!-- end of results -->"
NGINX = "nginx, constant"
CPU_BAR, RSS_BAR = 3.0, 40.0


class Row(TypedDict):
    """The fields of one repetition that the page shows."""

    cpu_us_per_request: float
    requests_per_second: float
    p99_us: float
    failed: int
    peak_mb: float


class Results(TypedDict):
    """What run.py writes to results/."""

    date: str
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    settings: Mapping[str, object]
    largest_error: float
    measurements: Mapping[str, Sequence[Row]]


def write_page(page: Path, results: Results) -> None:
    """Replace what stands between the markers."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{render(results)}\n{END}{after}", encoding="utf-8")


def verdicts(results: Results) -> dict[str, tuple[float, bool]]:
    """Give each bar with its value and whether it holds: CPU × nginx per route, largest memory in MB."""
    bars: dict[str, tuple[float, bool]] = {}
    base = _middle(results, NGINX, "cpu_us_per_request")
    routes = [name for name in results["measurements"] if name != NGINX]
    for name in routes:
        ratio = _middle(results, name, "cpu_us_per_request") / base
        bars[f"CPU per request, {name}, × nginx"] = (ratio, ratio <= CPU_BAR)
    peak = max(row["peak_mb"] for name in routes for row in results["measurements"][name])
    bars["peak resident memory, MB"] = (peak, peak <= RSS_BAR)
    return bars


def render(results: Results) -> str:
    """Give the generated part of the page."""
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB"
    how = f"{settings['repetitions']} alternating repetitions of {settings['seconds']} s"
    lines = [
        f"Measured {results['date']}. {where}, Linux {machine['kernel']}.",
        f"Load average before the run: {machine['load_before']:.2f}.",
        f"Versions: {versions}.",
        f"{how}, {settings['connections']} connections, mean body {settings['body_bytes']} bytes.",
        f"Largest difference from LightGBM in {settings['bodies']} answers: {results['largest_error']:.1e}.",
        "",
        "Median (lowest–highest over repetitions):",
        "",
        "| target | server CPU µs per request | × nginx | requests/s | p99 ms | peak MB | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    base = _middle(results, NGINX, "cpu_us_per_request")
    for name, rows in results["measurements"].items():
        ratio = _middle(results, name, "cpu_us_per_request") / base
        lines.append(
            f"| {name} | {_spread([row['cpu_us_per_request'] for row in rows], 1)} | {ratio:.2f} |"
            f" {_spread([row['requests_per_second'] for row in rows], 0)} |"
            f" {_spread([row['p99_us'] / 1000 for row in rows], 2)} |"
            f" {max(row['peak_mb'] for row in rows):.1f} | {sum(row['failed'] for row in rows)} |"
        )
    lines += ["", "| bar | measured | holds |", "|---|---|---|"]
    limits = {True: CPU_BAR, False: RSS_BAR}
    for what, (value, holds) in verdicts(results).items():
        lines.append(
            f"| {what} ≤ {limits['nginx' in what]:g} | {value:.2f} | {'yes' if holds else '**no**'} |"
        )
    return "\n".join(lines)


def _middle(results: Results, name: str, field: str) -> float:
    return statistics.median(float(row[field]) for row in results["measurements"][name])  # type: ignore[literal-required]


def _spread(values: Sequence[float], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"
