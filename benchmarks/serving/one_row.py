"""One row per request over JSON: what one prediction costs the server."""

from __future__ import annotations

from fleet import NATIVE, TENSOR, TENSORFLOW, TRITON, Fleet
from load import alternate
from peers.python_servers import ASGI, RSGI
from section import LOAD_COLUMNS, NGINX, Bar, Repetitions, Section, middle, ratio
from workload import BODIES

OURS = (TENSORFLOW, NATIVE, TENSOR)
CONNECTIONS = 64


def measure_one_row(fleet: Fleet, *, seconds: float, repetitions: int) -> Section:
    """Measure CPU, throughput and tail latency at 64 connections, saturated."""
    targets = fleet.http_targets(fleet.workload.one_row, CONNECTIONS, nginx_path="/one-row", routes=OURS)
    found = alternate(targets, seconds=seconds, repetitions=repetitions)
    return Section(
        "one-row",
        "One row per request, JSON",
        f"{repetitions} repetitions of {seconds:g} s, {CONNECTIONS} connections, {BODIES} different bodies of"
        " about 255 bytes (Open Inference: about 310).",
        LOAD_COLUMNS,
        found,
        _bars(found),
    )


def _bars(found: Repetitions) -> tuple[Bar, ...]:
    """Judge the worst of our routes."""
    cost = max(middle(found, name, "cpu_us_per_request") or 0.0 for name in OURS)
    rate = min(middle(found, name, "requests_per_second") or 0.0 for name in OURS)
    p99 = max(middle(found, name, "p99_us") or 0.0 for name in OURS)
    python = [value for name in (ASGI, RSGI) if (value := middle(found, name, "cpu_us_per_request"))]
    return (
        Bar("one row, CPU, × nginx", 1.75, ratio(cost, middle(found, NGINX, "cpu_us_per_request"))),
        Bar(
            "one row, CPU, × Triton with the same kernel",
            1 / 3,
            ratio(cost, middle(found, TRITON, "cpu_us_per_request")),
        ),
        Bar(
            "one row, CPU, × the cheaper of raw ASGI and RSGI with ONNX Runtime",
            1 / 5,
            ratio(cost, min(python, default=None)),
        ),
        Bar(
            "one row, requests/s, × nginx",
            1 / 1.75,
            ratio(rate, middle(found, NGINX, "requests_per_second")),
            at_least=True,
        ),
        Bar("one row, p99, × nginx", 2.0, ratio(p99, middle(found, NGINX, "p99_us"))),
    )
