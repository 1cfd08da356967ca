"""Three times what the server can do: what it still answers, how fast it refuses the rest."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet import LARGE_PATH, NETWORK_PATH, PATHS, TENSORFLOW, Fleet
from load import CLIENT_CORE, LOGGED_MEGABYTES, Load, alternate, http_target
from process import memory_mb, stolen_seconds, touch_free_memory
from reporting.bar import Bar
from reporting.pauses import measure_pauses
from section import CPU, Column, Section, middle
from servers import MLWRIGHT, REFUSE, SERVER_CORE, Server
from workload import Requests

CONNECTIONS, SATURATING, BATCHING, SLOW = 1_024, 8, 48, 2
FACTOR, SEED = 3.0, 11
FEWER_ROWS, ROWS, BODIES = 32, 128, 32
WARM_UP_SECONDS = 2.0
PAUSES_SECONDS = 20.0
PROBE_GAP_SECONDS, PROBE_SLOW_SECONDS, RECOVERY_PATIENCE = 0.01, 0.03, 4.0
COLUMNS = (
    Column("capacity", "capacity/s", 0),
    Column("offered", "offered/s", 0),
    Column("goodput", "good answers/s", 0),
    Column("refused", "refused/s", 0),
    Column("accepted_p99_us", "accepted p99 ms", 1, scale=1e-3),
    Column("refused_p99_us", "refused p99 ms", 1, scale=1e-3),
    Column("refused_max_us", "refused max ms", 1, scale=1e-3),
    Column("answer_us", "answer µs", 0),
    Column("refusal_us", "refusal µs", 1),
    Column("nginx_us", "nginx's refusal µs", 1),
    Column("most_share", "most with that, × capacity", 2),
    Column("stolen_server_s", "stolen from server s", 2),
    Column("stolen_client_s", "from client s", 2),
    Column("recovery_s", "recovery s", 2),
    Column("peak_mb", "peak MB"),
    Column("wrong", "neither", 0, total=True),
)


@dataclass
class Memory:
    """Resident memory twice a second while a load runs; the log of the load is dropped as it grows."""

    server: Server
    seen: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until told to stop."""
        while not self.stop.wait(0.5):
            self.seen.append(memory_mb(self.server.pid))
            self.server.drop_old_log()

    @property
    def growth(self) -> float:
        """Give the memory at the end over that after a third of the time: near 1 when it is bounded."""
        return self.seen[-1] / self.seen[len(self.seen) // 3] if self.seen else 1.0


@dataclass(frozen=True)
class Case:
    """Requests for a server, the case's name, and how many connections get all that the server can do."""

    name: str
    server: Server
    path: str
    requests: Requests
    saturating: int


def measure_overload(fleet: Fleet, *, seconds: float) -> Section:
    """Find the capacity, offer more than that, see what is answered and how soon all is well again."""
    (large, one_row), (network, slow_row) = fleet.large, fleet.network
    cases = (
        *(
            Case(
                f"{rows} rows, {FACTOR:g} × capacity",
                fleet.mlwright,
                PATHS[TENSORFLOW],
                fleet.workload.draw(requests=BODIES, rows=rows, seed=SEED),
                SATURATING,
            )
            for rows in (FEWER_ROWS, ROWS)
        ),
        Case(f"1 row of a large model, {FACTOR:g} × capacity", large, LARGE_PATH, one_row, BATCHING),
        Case(f"1 row of a network, {FACTOR:g} × capacity", network, NETWORK_PATH, slow_row, SLOW),
    )
    crowd = "1 row, closed loop"
    pauses = measure_pauses(SERVER_CORE, PAUSES_SECONDS)
    print(f"  {pauses}", flush=True)
    found = {case.name: _overload(fleet, case, seconds=seconds) for case in cases}
    found[crowd] = _crowd(fleet, fleet.workload.one_row, seconds=seconds / 4)
    for one in found.values():
        print("  " + ", ".join(f"{key} {value:,.2f}" for key, value in one.items()), flush=True)
    return Section(
        "overload",
        "Overload",
        f"{CONNECTIONS:,} connections. {FACTOR:g} × capacity: arrivals at a constant rate for {seconds:g} s"
        f" from `mlwright bench serve`; capacity is what {SATURATING} closed-loop connections got before and"
        f" after: {BATCHING} of the large model, a forest of 4,000 trees × 255 leaves whose rows are scored"
        f" together, and {SLOW} of the network, a graph of 268 million operations a row in ONNX Runtime."
        " An answer takes the inverse of the capacity, a refusal what good answers leave of the core."
        f" nginx, with nothing else to do, answers 503 to the same bodies from {BATCHING} closed-loop"
        " connections."
        " Stolen is what the system counts as taken from a core by the machine's other guests during the"
        " load. Latency of accepted requests counts from sending, of refused ones from when they were due."
        " Recovery is the time after the load until single requests are answered 200 within 30 ms again."
        f" {crowd}: every connection asks again as soon as it is answered (wrk); capacity is what"
        f" {SATURATING} of them got in the same minute.",
        COLUMNS,
        {name: [one] for name, one in found.items()},
        tuple(bar for name, one in found.items() for bar in _bars(name, one)),
        (
            "Refusing costs the system's share of a request: reading it, writing a short answer. When that is"
            " a share ρ of an answer, no server on one core answers more than (1 - 3ρ) / (1 - ρ) of its"
            " capacity at 3 × capacity: nine tenths where a refusal takes less than a twentieth of an answer,"
            " as of the network. A request of 128 rows brings 30 kB to be read before it is refused, and rows"
            " of the large model are cheap in batches: of these a server that refuses as cheaply as nginx"
            " would answer the share in the column after its cost. Of one row of the small model refusing is"
            " more than half of the work: there is nothing to gain by it, and the connections bound what can"
            f" wait. Of requests between, such as {FEWER_ROWS} rows, {CONNECTIONS:,} cannot wait within the"
            " bar, and refusing takes a larger share than of dearer ones."
            f" {pauses}, before this section: what is asked then waits, and what has"
            " piled up has to be read afterwards.",
        ),
    )


def _bars(name: str, found: Mapping[str, float]) -> list[Bar]:
    share = found["goodput"] / found["capacity"]
    bars = [
        Bar(f"{name}, good answers, × capacity", 0.9, share, at_least=True),
        Bar(f"{name}, accepted requests, p99, ms", 30.0, found["accepted_p99_us"] / 1e3),
    ]
    if "recovery_s" in found:
        bars += [
            Bar(f"{name}, refused requests, p99, ms", 10.0, found["refused_p99_us"] / 1e3),
            Bar(f"{name}, recovery, s", 2.0, found["recovery_s"]),
            Bar(f"{name}, memory at the end × memory after a third", 1.1, found["memory_growth"]),
            Bar(f"{name}, neither answered nor refused with 503", 0, found["wrong"], digits=0),
        ]
    return bars


def _good(repetitions: Sequence[Mapping[str, float]]) -> float:
    """Give the median rate of good answers; wrk counts refusals as requests."""
    return statistics.median(
        one["requests_per_second"] * (1 - one["failed"] / one["requests"]) for one in repetitions
    )


def _crowd(fleet: Fleet, requests: Requests, *, seconds: float) -> dict[str, float]:
    """Let all connections ask for one row at a time, as fast as they are answered."""
    server, path, bodies = fleet.mlwright, PATHS[TENSORFLOW], requests.tensorflow_bodies()
    few = http_target("mlwright, few", server, Load(SATURATING, path, bodies), fleet.folder)
    many = http_target("mlwright, many", server, Load(CONNECTIONS, path, bodies), fleet.folder)
    found = alternate([few, many], seconds=seconds, repetitions=4)
    asked = middle(found, "mlwright, many", "requests_per_second") or 0.0
    goodput = _good(found["mlwright, many"])
    return {
        "capacity": _good(found["mlwright, few"]),
        "offered": asked,
        "goodput": goodput,
        "refused": asked - goodput,
        "accepted_p99_us": middle(found, "mlwright, many", "p99_us") or 0.0,
        "peak_mb": memory_mb(server.pid, field="VmHWM"),
    }


def _overload(fleet: Fleet, case: Case, *, seconds: float) -> dict[str, float]:
    server, bodies = case.server, case.requests.tensorflow_bodies()
    name = f"mlwright, {case.name.partition(',')[0]}"
    fleet.check(name, server, case.path, bodies, case.requests)
    refusing = http_target("nginx, refusing", fleet.nginx, Load(BATCHING, REFUSE, bodies), fleet.folder)
    nginx_us = middle(alternate([refusing], seconds=1, repetitions=3), "nginx, refusing", CPU.field) or 0.0
    closed = http_target(name, server, Load(case.saturating, case.path, bodies), fleet.folder)
    before = alternate([closed], seconds=3, repetitions=2)
    rate = FACTOR * _good(before[name])
    memory = Memory(server)
    touch_free_memory(LOGGED_MEGABYTES)
    stolen = _stolen()
    watcher = threading.Thread(target=memory.watch)
    watcher.start()
    step = _offer(case, rate, seconds, fleet.folder)
    stolen = [after - before for before, after in zip(stolen, _stolen(), strict=True)]
    recovery = _recovery(case)
    memory.stop.set()
    watcher.join()
    after = alternate([closed], seconds=3, repetitions=2)
    both = {name: [*before[name], *after[name]]}
    counts, capacity = step["counts"], _good(both[name])
    refused = counts["shed"] / step["seconds"]
    return {
        "capacity": capacity,
        "offered": step["offered_rate"],
        "goodput": step["achieved_rate"],
        "refused": refused,
        "answer_us": 1e6 / capacity,
        "refusal_us": 1e6 * (1 - step["achieved_rate"] / capacity) / max(refused, 1.0),
        "nginx_us": nginx_us,
        "most_share": _most_good(nginx_us * capacity / 1e6),
        "stolen_server_s": stolen[0],
        "stolen_client_s": stolen[1],
        "accepted_p99_us": step["service"]["p99_us"],
        "refused_p99_us": step["shed"]["p99_us"] or 0.0,
        "refused_max_us": step["shed"]["max_us"] or 0.0,
        "recovery_s": recovery,
        "memory_growth": memory.growth,
        "peak_mb": memory_mb(server.pid, field="VmHWM"),
        "wrong": counts["offered"] - counts["ok"] - counts["shed"],
        "generator_busy_share": step["generator_busy_share"],
    }


def _most_good(refusal: float) -> float:
    """Give the share of its capacity that one core answers when a refusal takes this share of an answer."""
    return max(0.0, (1 - FACTOR * refusal) / (1 - refusal))


def _stolen() -> list[float]:
    return [stolen_seconds(core) for core in (SERVER_CORE, CLIENT_CORE)]


def _offer(case: Case, rate: float, seconds: float, folder: Path) -> Mapping[str, Any]:
    """Run the open-loop generator at one rate."""
    file = folder / "overload.bodies"
    file.write_text("\n".join(case.requests.tensorflow_bodies()) + "\n")
    url = f"http://127.0.0.1:{case.server.port}{case.path}"
    command = [
        *MLWRIGHT,
        "bench",
        "serve",
        "--url",
        url,
        "--bodies",
        str(file),
        "--rate",
        f"{rate:.0f}",
        "--json",
    ]
    command += [
        "--connections",
        str(CONNECTIONS),
        "--seconds",
        f"{seconds:g}",
        "--warm-up",
        f"{WARM_UP_SECONDS:g}",
    ]
    command += ["--timeout-ms", "5000", "--header", "content-type: application/json"]
    done = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), *command], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    steps: list[dict[str, Any]] = json.loads(done.stdout)["steps"]
    return steps[0]


def _recovery(case: Case) -> float:
    """Ask one request after another; give when the last bad one ended, seconds after the load."""
    body = case.requests.tensorflow_bodies()[0]
    ended = time.monotonic()
    last_bad = ended
    while time.monotonic() < ended + RECOVERY_PATIENCE:
        asked = time.monotonic()
        if not _is_well(case, body) or time.monotonic() - asked > PROBE_SLOW_SECONDS:
            last_bad = time.monotonic()
        time.sleep(PROBE_GAP_SECONDS)
    return last_bad - ended


def _is_well(case: Case, body: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", case.server.port, timeout=2)
    try:
        connection.request("POST", case.path, body, {"content-type": "application/json"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
