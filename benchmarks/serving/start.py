"""From the start of a server process to its first answer, and what it holds in memory then.

The bars hold `mlwright serve`, which a person types; `up` and a container start the server more directly.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleet import PATHS, TENSORFLOW, Fleet
from mlwright.serving.server import ENTRY
from process import memory_mb
from reporting.bar import Bar
from reporting.environments import ROOT
from section import Column, Section, middle
from servers import NAME, SERVER_CORE, free_port, run_command, serve_command

STARTS, PATIENCE_SECONDS = 20, 30.0
COMMAND, CHILD, BINARY = "mlwright serve", "the server of mlwright up", "mlwright-server"
COLUMNS = (Column("first_answer_s", "first answer after s", 3), Column("rss_mb", "RSS MB"))


@dataclass(frozen=True)
class Start:
    """How to start a process that answers on a port."""

    name: str
    folder: Path
    command: Callable[[int], list[str]]


def measure_start(fleet: Fleet, *, starts: int = STARTS) -> Section:
    """Start each program some times; the first answer is a prediction, asked for every millisecond."""
    body = fleet.workload.one_row.tensorflow_bodies()[0]
    binary = _build_binary()
    ways = (
        Start(COMMAND, fleet.project, serve_command),
        Start(
            CHILD,
            fleet.folder,
            lambda port: [sys.executable, "-P", "-c", ENTRY, str(_write_config(fleet, port))],
        ),
        Start(BINARY, fleet.folder, lambda port: [str(binary), str(_write_config(fleet, port))]),
    )
    found = {way.name: [_start_once(way, body) for _ in range(starts)] for way in ways}
    for name in found:
        first, rss = (middle(found, name, field) for field in ("first_answer_s", "rss_mb"))
        print(f"  {name}: first answer after {first:.3f} s, {rss:.1f} MB", flush=True)
    return Section(
        "start",
        "Start",
        f"{starts} starts of each on one core, from the creation of the process to the first prediction;"
        " files are in the system's cache, Python's bytecode beside its modules.",
        COLUMNS,
        found,
        tuple(
            Bar(f"{what}, {COMMAND}", limit, middle(found, COMMAND, field), digits=3)
            for what, field, limit in (
                ("RSS after start, MB", "rss_mb", 30.0),
                ("start to first answer, s", "first_answer_s", 0.1),
            )
        ),
    )


def _start_once(way: Start, body: str) -> dict[str, float]:
    port = free_port()
    command = ["taskset", "-c", str(SERVER_CORE), *way.command(port)]
    started = time.perf_counter()
    with (way.folder / "start.out").open("ab") as output:
        process = subprocess.Popen(command, cwd=way.folder, env=_environment(), stdout=output, stderr=output)
    try:
        while not _answers(port, body):
            if process.poll() is not None or time.perf_counter() > started + PATIENCE_SECONDS:
                raise SystemExit(f"{way.name} did not start; see start.out")
            time.sleep(0.001)
        return {"first_answer_s": time.perf_counter() - started, "rss_mb": memory_mb(process.pid)}
    finally:
        process.terminate()
        process.wait(timeout=30)


def _environment() -> dict[str, str]:
    """Let Python keep bytecode, as it does where packages are installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _answers(port: int, body: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", PATHS[TENSORFLOW], body, {"content-type": "application/json"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _build_binary() -> Path:
    run_command(["cargo", "build", "--release", "--locked", "--quiet", "-p", "mlwright-server"], ROOT)
    return ROOT / "target" / "release" / "mlwright-server"


def _write_config(fleet: Fleet, port: int) -> Path:
    """Write what the binary reads in a container: the deployment document and where things are."""
    home = fleet.folder / "binary"
    home.mkdir(exist_ok=True)
    variant = {"name": "champion", "model": NAME, "version": 1, "digest": fleet.package.name, "weight": 1.0}
    deployment = {
        "name": NAME,
        "model": NAME,
        "salt": NAME,
        "unit": None,
        "rollout": None,
        "variants": [variant],
    }
    (home / "deployments.json").write_text(json.dumps({"format": 1, "epoch": 1, "deployments": [deployment]}))
    config = {
        "host": "127.0.0.1",
        "port": port,
        "admin_port": 0,
        "workers": 1,
        "token": None,
        "admin_token": "x" * 43,
        "document": str(home / "deployments.json"),
        "packages": str(fleet.package.parent),
        "log": str(home / "log"),
        "server_file": str(home / "server.json"),
    }
    (home / "config.json").write_text(json.dumps(config))
    return home / "config.json"
