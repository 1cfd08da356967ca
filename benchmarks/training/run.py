"""Train on real tables beside AutoGluon, FLAML, tuned LightGBM and library defaults, with equal CPU seconds.

    python benchmarks/training/run.py [--only flights,adult,…] [--systems mlwright,AutoGluon,…] [--budget 60]

Each cell is kept in `.cache`, so a run that was ended goes on where it was. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))
sys.path.insert(2, str(Path(__file__).parents[2]))

from cell import Cell, ask, known_cell, measure_cell
from mlwright import __version__
from page import Results, render
from reporting.bar import print_bars
from reporting.machine import describe_machine
from reporting.markers import write_between_markers
from systems import NAMES, find_system, versions
from tables import TABLES

HERE = Path(__file__).parent


def main() -> int:
    """Measure what is missing, write, judge."""
    options = _parse()
    machine = describe_machine()
    results = Results(
        date=datetime.now(UTC).date().isoformat(),
        command=shlex.join(["python", "benchmarks/training/run.py", *sys.argv[1:]]),
        budget=options.budget,
        machine=machine,
        versions={"mlwright": __version__} | versions(),
        cells=_cells(options),
    )
    print_bars(results.bars)
    if options.write:
        (HERE / "results").mkdir(exist_ok=True)
        text = json.dumps(asdict(results), indent=1, ensure_ascii=False)
        (HERE / "results" / f"{results.date}.json").write_text(text + "\n", encoding="utf-8")
        write_between_markers(HERE / "README.md", render(results))
    return 0 if all(bar.holds for bar in results.bars) else 1


def _cells(options: argparse.Namespace) -> list[Cell]:
    """Go system by system, so that an early end leaves whole columns."""
    found = []
    for name in options.systems:
        system = find_system(name)
        for table in options.only:
            asked = ask(TABLES[table], system, budget=options.budget, seed=options.seed)
            cell = None if options.again else known_cell(asked)
            if cell is None and not options.known:
                cell = measure_cell(asked, system)
            if cell is not None:
                print(_line(cell), flush=True)
                found.append(cell)
    return found


def _line(cell: Cell) -> str:
    if cell.failed:
        return f"{cell.table:10} {cell.system:16} failed: {cell.failed.splitlines()[-1]}"
    validation = "–" if cell.validation is None else f"{cell.validation:.4f}"
    return (
        f"{cell.table:10} {cell.system:16} test {cell.test:.4f} promised {validation}"
        f"  {cell.cpu_seconds:.1f} CPU-s  {cell.peak_rss_mb:.0f} MB  {cell.package_kb:.0f} kB"
        f"  row {cell.row_p50_ms:.3f}/{cell.row_p99_ms:.3f} ms  {cell.note}"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train beside systems of others, with equal CPU seconds.")
    parser.add_argument("--only", type=_some_of(tuple(TABLES)), default=tuple(TABLES), metavar="TABLES")
    parser.add_argument("--systems", type=_some_of(NAMES), default=NAMES, metavar="NAMES")
    parser.add_argument("--budget", type=float, default=60.0, help="CPU seconds of each system on each table")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--again", action="store_true", help="measure again what is known")
    parser.add_argument("--known", action="store_true", help="measure nothing, show what is known")
    parser.add_argument(
        "--write", action="store_true", help="write README and results of a part of the run too"
    )
    options = parser.parse_args()
    options.write |= options.only == tuple(TABLES) and options.systems == NAMES and not options.known
    return options


def _some_of(known: tuple[str, ...]) -> object:
    def names(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        unknown = set(found) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return found

    return names


if __name__ == "__main__":
    sys.exit(main())
