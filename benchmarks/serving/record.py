"""Record how often each path of the Rust code is taken: what `make profile` gives the compiler.

    python benchmarks/serving/record.py

Runs on a build that counts. Other models and rows than the benchmark's are served over every protocol that it
measures, and the fraud story is told once: named columns, training, monitors, renewal. Needs wrk, nginx and
h2load.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))

from batch import measure_batch
from fleet import Fleet
from one_row import measure_one_row
from remote import measure_grpc
from workload import make_workload

SEED = 2
DEMO = Path(__file__).parents[2] / "examples" / "fraud" / "demo.py"


def main() -> int:
    """Serve, then tell the story."""
    with tempfile.TemporaryDirectory(prefix="mlwright-record-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        fleet = Fleet(folder, make_workload(folder, seed=SEED), peers=False, stack=stack)
        measure_one_row(fleet, seconds=3, repetitions=2)
        measure_grpc(fleet, seconds=3, repetitions=1)
        measure_batch(fleet, seconds=1, repetitions=1)
    return subprocess.run([sys.executable, str(DEMO), "--quick", "--no-keep"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
