"""One row per request over gRPC (Open Inference `ModelInfer`, raw doubles), beside the same row over HTTP."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from fleet import PATHS, TENSOR, TRITON, Fleet
from load import Load, Measurement, Target, alternate, http_target, run_load
from peers.environments import GRPC_CLIENT
from process import memory_mb
from reporting.bar import Bar
from reporting.environments import environment
from section import CPU, LOAD_COLUMNS, Section, paired
from servers import NAME, Server
from wire import METHOD, grpc_frame, infer_request, raw_probabilities

CONNECTIONS, ATTEMPTS = 64, 3
OURS, THEIRS = "mlwright, gRPC", "Triton + the same kernel, gRPC"
CALL = Path(__file__).parent / "peers" / "apps" / "grpc_call.py"


def measure_grpc(fleet: Fleet, *, seconds: float, repetitions: int) -> Section:
    """Measure a gRPC request with h2load after gRPC's own client got the right answer."""
    servers = {OURS: fleet.mlwright} | ({THEIRS: fleet.triton} if fleet.peers else {})
    message = infer_request(NAME, fleet.workload.one_row.rows[0])
    frame = fleet.folder / "frame.bin"
    frame.write_bytes(grpc_frame(message))
    targets = []
    notes = []
    for name, server in servers.items():
        if server.grpc_port is None:
            notes.append(f"{name}: this version has no gRPC listener.")
            continue
        answer = _call(server.grpc_port, message)
        fleet.note_error(
            name, abs(raw_probabilities(answer)[1] - float(fleet.workload.one_row.expected[0][0]))
        )
        targets.append(_target(name, server, frame, 5 + len(answer)))
    http = Load(CONNECTIONS, PATHS[TENSOR], fleet.workload.one_row.tensor_bodies())
    targets.append(http_target(TENSOR, fleet.mlwright, http, fleet.folder))
    found = alternate(targets, seconds=seconds, repetitions=repetitions)
    return Section(
        "grpc",
        "One row per request, gRPC",
        f"{repetitions} repetitions of {seconds:g} s, {CONNECTIONS} connections with one stream each, h2load,"
        f" one body of {len(message)} bytes; answers are as long as the one that was checked. h2load keeps no"
        " percentiles.",
        tuple(column for column in LOAD_COLUMNS if column.field != "p99_us"),
        found,
        (
            Bar("gRPC one row, CPU, × the HTTP request", 3.0, paired(found, OURS, TENSOR, CPU.field)),
            Bar(f"gRPC one row, CPU, × {TRITON}", 1 / 3, paired(found, OURS, THEIRS, CPU.field)),
        ),
        tuple(notes),
    )


def _call(port: int, message: bytes) -> bytes:
    python = environment("grpc-client", GRPC_CLIENT)
    command = [str(python), str(CALL), f"127.0.0.1:{port}", METHOD]
    done = subprocess.run(command, input=message, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"gRPC on port {port} failed:\n{done.stderr.decode()[-2000:]}")
    return done.stdout


def _target(name: str, server: Server, frame: Path, answer_bytes: int) -> Target:
    return Target(name, server, lambda seconds: _drive(server, frame, answer_bytes, seconds))


def _drive(server: Server, frame: Path, answer_bytes: int, seconds: float) -> Measurement:
    """Measure a server; again when it answered nothing, which Triton has been seen to do once."""
    for _ in range(ATTEMPTS):
        measured = _drive_once(server, frame, answer_bytes, seconds)
        if measured.requests:
            return measured
    raise SystemExit(f"gRPC on port {server.grpc_port} answered nothing {ATTEMPTS} times")


def _drive_once(server: Server, frame: Path, answer_bytes: int, seconds: float) -> Measurement:
    command = ["h2load", f"-c{CONNECTIONS}", "-m1", "-t1", f"-D{seconds:.0f}", "-d", str(frame)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    text, spent = run_load([*command, f"http://127.0.0.1:{server.grpc_port}{METHOD}"], server)
    counts = {
        word: int(number)
        for number, word in re.findall(r"(\d+) (done|succeeded|failed|errored|timeout)", text)
    }
    data = re.search(r"headers \(space savings [\d.]+%\), [\d.]+\w* \((\d+)\) data", text)
    rate = re.search(r"([\d.]+) req/s", text)
    assert data is not None, text
    assert rate is not None, text
    requests = counts["succeeded"]
    # A gRPC error is a 200 without a message: then fewer bytes arrive than good answers have. At the end of
    # the time one answer of each connection may be on its way.
    short = max(0, round(requests - int(data[1]) / answer_bytes) - CONNECTIONS)
    return Measurement(
        requests=requests,
        cpu_us_per_request=1e6 * spent / max(requests, 1),
        requests_per_second=float(rate[1]),
        failed=counts["failed"] + counts["timeout"] + short,
        rss_mb=memory_mb(server.pid),
        peak_mb=memory_mb(server.pid, field="VmHWM"),
    )
