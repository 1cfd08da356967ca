"""Drive a server with wrk and different bodies; count what it cost the server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from process import cpu_seconds, memory_mb, touch_free_memory
from servers import Server

CLIENT_CORE = 1
LOGGED_MEGABYTES = 512  # more than a server logs in one repetition
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local requests, at = {}, 0
function init(args)
  local headers = { ["content-type"] = "application/json" }
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", "%s", headers, body) end
end
function request()
  at = at %% #requests + 1
  return requests[at]
end
function done(summary, latency, all)
  local e = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests":%%d,"duration_us":%%d,"p50_us":%%d,"p99_us":%%d,"max_us":%%d,"failed":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Measurement:
    """One repetition on one target; latencies are none where the load generator keeps none."""

    requests: int
    cpu_us_per_request: float
    requests_per_second: float
    failed: int
    rss_mb: float
    peak_mb: float
    p50_us: float | None = None
    p99_us: float | None = None
    max_us: float | None = None


@dataclass(frozen=True)
class Target:
    """Something to measure: a server and how to load it for some seconds."""

    name: str
    server: Server
    drive: Callable[[float], Measurement]


@dataclass(frozen=True)
class Load:
    """Open connections and path; the bodies are sent in turn."""

    connections: int
    path: str
    bodies: Sequence[str]


def alternate(
    targets: Sequence[Target], *, seconds: float, repetitions: int
) -> dict[str, list[dict[str, float]]]:
    """Measure the targets in turn, so that a busy minute of the machine hits all of them."""
    found: dict[str, list[dict[str, float]]] = {target.name: [] for target in targets}
    for target in targets:
        target.drive(1)
    for repetition in range(repetitions):
        for target in targets:
            if target.server.log is not None:
                touch_free_memory(LOGGED_MEGABYTES)
            one = target.drive(seconds)
            found[target.name].append(asdict(one))
            target.server.drop_old_log()
            p99 = "" if one.p99_us is None else f", p99 {one.p99_us / 1000:.2f} ms"
            print(
                f"  {repetition + 1}/{repetitions} {target.name}: {one.cpu_us_per_request:.1f} µs CPU,"
                f" {one.requests_per_second:,.0f}/s{p99}, {one.peak_mb:.1f} MB, {one.failed} failed",
                flush=True,
            )
    return found


def http_target(name: str, server: Server, load: Load, folder: Path) -> Target:
    """Prepare wrk's script for one target."""
    stem = folder / "".join(letter if letter.isalnum() else "-" for letter in f"{name}-{len(load.bodies[0])}")
    bodies, script = stem.with_suffix(".bodies"), stem.with_suffix(".lua")
    bodies.write_text("\n".join(load.bodies) + "\n")
    script.write_text(SCRIPT % (bodies, load.path))
    return Target(name, server, lambda seconds: _drive(server, script, load.connections, seconds))


def _drive(server: Server, script: Path, connections: int, seconds: float) -> Measurement:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(script)]
    started = time.monotonic()
    text, spent = run_load([*command, f"http://127.0.0.1:{server.port}"], server)
    found = json.loads(text.partition("RESULT ")[2].splitlines()[0])
    requests = int(found["requests"])
    return Measurement(
        requests=requests,
        cpu_us_per_request=1e6 * spent / requests,
        requests_per_second=requests / min(found["duration_us"] / 1e6, time.monotonic() - started),
        failed=found["failed"],
        rss_mb=memory_mb(server.pid),
        peak_mb=memory_mb(server.pid, field="VmHWM"),
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        max_us=found["max_us"],
    )


def run_load(command: list[str], server: Server) -> tuple[str, float]:
    """Run a load generator on the client's core; give its output and the CPU seconds of the server."""
    before = cpu_seconds(server.pid)
    try:
        done = subprocess.run(
            ["taskset", "-c", str(CLIENT_CORE), *command], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as cause:
        raise SystemExit("taskset is missing: apt-get install util-linux") from cause
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed (apt-get install wrk nghttp2-client?):\n{done.stderr}")
    return done.stdout, cpu_seconds(server.pid) - before
