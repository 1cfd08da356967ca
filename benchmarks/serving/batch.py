"""32 rows per request over JSON."""

from __future__ import annotations

from fleet import TENSOR, TENSORFLOW, Fleet
from load import alternate
from reporting.bar import Bar
from section import CPU, LOAD_COLUMNS, NGINX, Section, paired, worst
from workload import BATCH, BATCH_BODIES

OURS = (TENSORFLOW, TENSOR)
CONNECTIONS = 16


def measure_batch(fleet: Fleet, *, seconds: float, repetitions: int) -> Section:
    """Measure a request of 32 rows against nginx answering a constant to the same bodies."""
    targets = fleet.http_targets(fleet.workload.batch, CONNECTIONS, nginx_path="/batch", routes=OURS)
    found = alternate(targets, seconds=seconds, repetitions=repetitions)
    cost = worst(paired(found, name, NGINX, CPU.field) for name in OURS)
    return Section(
        "batch",
        f"{BATCH} rows per request, JSON",
        f"{repetitions} repetitions of {seconds:g} s, {CONNECTIONS} connections, {BATCH_BODIES} different"
        " bodies of about 8 kB; nginx answers a constant of the size of a prediction to the same bodies.",
        LOAD_COLUMNS,
        found,
        (Bar(f"{BATCH} rows, CPU, × nginx", 9.0, cost),),
    )
