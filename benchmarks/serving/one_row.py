"""One row per request over JSON: what one prediction costs the server."""

from __future__ import annotations

from fleet import NATIVE, TENSOR, TENSORFLOW, TRITON, Fleet
from load import alternate
from peers.python_servers import ASGI, RSGI
from reporting.bar import Bar
from section import CPU, LOAD_COLUMNS, NGINX, Repetitions, Section, paired, worst
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

    def ours(other: str, field: str = CPU.field) -> list[float | None]:
        return [paired(found, name, other, field) for name in OURS]

    return (
        Bar("one row, CPU, × nginx", 1.75, worst(ours(NGINX))),
        Bar("one row, CPU, × Triton with the same kernel", 1 / 3, worst(ours(TRITON))),
        Bar(
            "one row, CPU, × the cheaper of raw ASGI and RSGI with ONNX Runtime",
            1 / 5,
            worst([*ours(ASGI), *ours(RSGI)]),
        ),
        Bar(
            "one row, requests/s, × nginx",
            1 / 1.75,
            worst(ours(NGINX, "requests_per_second"), of=min),
            at_least=True,
        ),
        Bar("one row, p99, × nginx", 2.0, worst(ours(NGINX, "p99_us"))),
    )
