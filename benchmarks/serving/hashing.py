"""How long it takes to hash a unit to a variant."""

from __future__ import annotations

import re

from reporting.bar import Bar
from reporting.environments import ROOT
from section import Column, Section, middle
from servers import SERVER_CORE, run_command

PROGRAM = "time_assignment"
UNIT_HASH = "unit hash"


def measure_assignment() -> Section:
    """Run the Rust example that times the hash."""
    command = [
        "cargo",
        "run",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "mlwright-stats",
        "--example",
        PROGRAM,
    ]
    text = run_command(["taskset", "-c", str(SERVER_CORE), *command], ROOT)
    rounds = [float(number) for number in re.findall(r"([\d.]+) ns", text)]
    if not rounds:
        raise SystemExit(f"{PROGRAM} printed no times:\n{text}")
    found = {UNIT_HASH: [{"ns": value} for value in rounds]}
    print(f"  {UNIT_HASH}: {middle(found, UNIT_HASH, 'ns'):.2f} ns", flush=True)
    return Section(
        "assignment",
        "Assignment hash",
        f"`cargo run --release -p mlwright-stats --example {PROGRAM}`: {len(rounds)} rounds over different"
        " units of 9 bytes; with salt and separators 24 bytes are hashed. Tests hold golden vectors equal in"
        " Rust and Python.",
        (Column("ns", "ns per hash", 2),),
        found,
        (Bar("assignment hash, ns", 8.0, middle(found, UNIT_HASH, "ns")),),
    )
