"""Drive a server with wrk and 256 different bodies; count what it cost the server."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from process import cpu_seconds, memory_mb
from servers import Server

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
    """One repetition on one target."""

    requests: int
    cpu_us_per_request: float
    requests_per_second: float
    p50_us: float
    p99_us: float
    max_us: float
    failed: int
    rss_mb: float
    peak_mb: float


@dataclass(frozen=True)
class Load:
    """How hard and how long: open connections, seconds, and the core that wrk runs on."""

    connections: int
    seconds: int
    core: int


def write_script(folder: Path, name: str, path: str, bodies: list[str]) -> Path:
    """Write wrk's Lua script and its bodies, one a line."""
    text = folder / f"{name}.bodies"
    text.write_text("\n".join(bodies) + "\n")
    script = folder / f"{name}.lua"
    script.write_text(SCRIPT % (text, path))
    return script


def measure(server: Server, script: Path, load: Load) -> Measurement:
    """Run wrk once; CPU time is that of all server processes between start and end of the load."""
    before, started = cpu_seconds(server.process.pid), time.monotonic()
    command = ["taskset", "-c", str(load.core), "wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s"]
    command += ["--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{server.port}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as cause:
        raise SystemExit("wrk or taskset is missing: apt-get install wrk util-linux") from cause
    spent = cpu_seconds(server.process.pid) - before
    found = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
    requests = int(found["requests"])
    return Measurement(
        requests=requests,
        cpu_us_per_request=1e6 * spent / requests,
        requests_per_second=requests / min(found["duration_us"] / 1e6, time.monotonic() - started),
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        max_us=found["max_us"],
        failed=found["failed"],
        rss_mb=memory_mb(server.process.pid),
        peak_mb=memory_mb(server.process.pid, field="VmHWM"),
    )
