"""One row through the tree kernel alone, beside LightGBM's own C library and ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fleet import Fleet
from peers.environments import PYTHON_SERVERS
from peers.onnx_model import write_identity, write_onnx
from reporting.bar import Bar
from reporting.environments import ROOT, environment
from section import Column, Section, middle, ratio
from servers import SERVER_CORE, run_command
from workload import FEATURES

OURS, LIGHTGBM, ONNX = "mlwright kernel", "LightGBM C", "ONNX Runtime"
ROWS, TURNS, SEED = 4_096, 3, 13
PEERS = Path(__file__).parent / "peers"


def measure_kernel(fleet: Fleet) -> Section:
    """Score the same rows one by one in each engine, the engines in turn."""
    rows = fleet.folder / "rows.f64"
    np.random.default_rng(SEED).standard_normal((ROWS, FEATURES)).astype("<f8").tofile(rows)
    ways = {
        OURS: [str(_build_ours()), str(fleet.package / "model.trees"), str(rows)],
        LIGHTGBM: [*_build_lightgbm(fleet.folder), str(fleet.workload.model_file), str(rows), str(FEATURES)],
    }
    if fleet.peers:
        forest = write_onnx(fleet.workload.booster, fleet.folder / "kernel.onnx")
        identity = write_identity(fleet.folder / "identity.onnx")
        python = environment("python-servers", PYTHON_SERVERS)
        ways[ONNX] = [str(python), str(PEERS / "apps" / "onnx_row.py"), str(forest), str(identity), str(rows)]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, command in ways.items():
            found[name] += [{"us": value} for value in _times(command, fleet.folder)]
    ours, lightgbm, onnx = (middle(found, name, "us") for name in (OURS, LIGHTGBM, ONNX))
    print("  " + ", ".join(f"{name} {middle(found, name, 'us'):.2f} µs" for name in found), flush=True)
    return Section(
        "kernel",
        "One row in the kernel",
        f"{ROWS:,} different rows, one row per call, one thread on one core, engines in turn. ONNX Runtime is"
        " called from Python, less the call of a graph that copies its input.",
        (Column("us", "µs per row", 2),),
        found,
        (
            Bar("one-row kernel, times faster than LightGBM's C", 3.5, ratio(lightgbm, ours), at_least=True),
            Bar("one-row kernel, times faster than ONNX Runtime", 4.0, ratio(onnx, ours), at_least=True),
        ),
    )


def _times(command: Sequence[str], folder: Path) -> list[float]:
    text = run_command(["taskset", "-c", str(SERVER_CORE), *command], folder)
    return [float(number) for number in re.findall(r"([\d.]+) µs", text)]


def _build_ours() -> Path:
    command = [
        "cargo",
        "build",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "mlwright-model",
        "--example",
        "time_row",
    ]
    run_command(command, ROOT)
    return ROOT / "target" / "release" / "examples" / "time_row"


def _build_lightgbm(folder: Path) -> list[str]:
    """Compile the timing program; give it with the library that the Python package brings."""
    import lightgbm

    program = folder / "lightgbm_row"
    run_command(["gcc", "-O2", "-o", str(program), str(PEERS / "lightgbm_row.c"), "-ldl"], folder)
    return [str(program), str(next((Path(lightgbm.__file__).parent / "lib").glob("lib_lightgbm.*")))]
