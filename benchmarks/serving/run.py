"""Measure what predictions cost the server, beside nginx answering constants and beside servers of others.

    python benchmarks/serving/run.py [--peers] [--only one-row,batch,…] [--short]

Needs wrk, nginx and h2load (Debian: `apt-get install wrk nginx-light nghttp2-client`), cargo, and two cores.
Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))

from batch import measure_batch
from fleet import Fleet
from hashing import measure_assignment
from kernel import measure_kernel
from one_row import measure_one_row
from overload import measure_overload
from page import Results, write_page
from remote import measure_grpc
from reporting.bar import print_bars
from reporting.machine import describe_machine
from section import Section
from start import measure_start
from versions import describe_versions
from workload import make_workload

HERE = Path(__file__).parent
ALL = ("one-row", "batch", "grpc", "overload", "start", "kernel", "assignment")


def main() -> int:
    """Verify, measure, write."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="mlwright-bench-") as name:
        results = _measure(Path(name), options)
    print_bars(results.bars)
    if options.write:
        (HERE / "results").mkdir(exist_ok=True)
        text = json.dumps(asdict(results), indent=1, ensure_ascii=False)
        (HERE / "results" / f"{results.date}.json").write_text(text + "\n", encoding="utf-8")
        write_page(HERE / "README.md", results)
    return 0 if all(bar.holds for bar in results.bars) else 1


def _measure(folder: Path, options: argparse.Namespace) -> Results:
    machine, started = describe_machine(), time.monotonic()
    print("training the model …", flush=True)
    workload = make_workload(folder, seed=7)
    with contextlib.ExitStack() as stack:
        fleet = Fleet(folder, workload, options.peers, stack)
        sections = []
        for name, measure in _sections(fleet, options).items():
            if name in options.only:
                print(f"{name} …", flush=True)
                sections.append(measure())
    return Results(
        date=datetime.now(UTC).date().isoformat(),
        command=shlex.join(["python", "benchmarks/serving/run.py", *sys.argv[1:]]),
        minutes=(time.monotonic() - started) / 60,
        machine=machine,
        versions=describe_versions(peers=options.peers),
        largest_errors=fleet.largest_errors,
        sections=sections,
    )


def _sections(fleet: Fleet, options: argparse.Namespace) -> dict[str, Callable[[], Section]]:
    short = options.short
    repetitions = 3 if short else options.repetitions
    return {
        "one-row": lambda: measure_one_row(fleet, seconds=1, repetitions=repetitions),
        "batch": lambda: measure_batch(fleet, seconds=1, repetitions=repetitions),
        "grpc": lambda: measure_grpc(fleet, seconds=2, repetitions=repetitions),
        "overload": lambda: measure_overload(fleet, seconds=15 if short else 60),
        "start": lambda: measure_start(fleet),
        "kernel": lambda: measure_kernel(fleet),
        "assignment": measure_assignment,
    }


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the server beside nginx and beside servers of others."
    )
    parser.add_argument(
        "--peers", action="store_true", help="measure servers of others too (installs them in .cache)"
    )
    parser.add_argument("--only", type=_names, default=ALL, help=f"some of {','.join(ALL)}")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--short", action="store_true", help="a quarter of the time, for a first look")
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="keep README and results as they are"
    )
    options = parser.parse_args()
    # The page shows one whole run; a part of one is for the screen.
    options.write &= options.only == ALL and not options.short
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = set(names) - set(ALL)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such section: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
