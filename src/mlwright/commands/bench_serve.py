"""Measure a server: one rate, a ramp of rates, or the largest rate that it holds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlwright.commands.bench_target import running_target
from mlwright.deliverables import BenchReport, write_bench_report
from mlwright.errors import UsageError
from mlwright.serving import (
    Knee,
    LoadSettings,
    LoadStep,
    LoadTarget,
    Objective,
    Protocol,
    find_knee,
    measure_load,
)

FIRST_RATE = 1_000.0
KNEE_P99_MS = 10.0
SHORT_SECONDS = 3.0


@dataclass(frozen=True)
class Asking:
    """What to ask, and where; without `url` the server of the project, with rows of its data.

    `body` is text, or `@FILE`; `bodies` is a file with one body a line, for gRPC a message in base64.
    """

    url: str | None = None
    wants_grpc: bool = False
    path: str | None = None
    method: str = "POST"
    headers: tuple[str, ...] = ()
    body: str | None = None
    bodies: Path | None = None
    rows_per_request: int = 1
    expect: str | None = None
    pid: int | None = None


@dataclass(frozen=True)
class BenchServeRequest:
    """How to measure what: these rates one after another, or, without any, the knee from `first_rate` on."""

    project: Path
    asking: Asking = field(default_factory=Asking)
    settings: LoadSettings = field(default_factory=LoadSettings)
    rates: tuple[float, ...] = ()
    first_rate: float = FIRST_RATE
    objective: Objective | None = None
    report: Path | None = None


@dataclass(frozen=True)
class BenchServeResult:
    """What was found; `failures` say for each step why it does not hold the objective, None where it does."""

    target: LoadTarget
    settings: LoadSettings
    objective: Objective | None
    steps: tuple[LoadStep, ...]
    failures: tuple[str | None, ...]
    knee: Knee | None
    report: Path | None

    @property
    def holds(self) -> bool:
        """Tell whether every rate held the objective; of a search, whether any did."""
        if self.knee is not None:
            return self.knee.rate is not None
        return all(failure is None for failure in self.failures)


Watch = Callable[[float, float, float, int, int], None]
"""Hears rate, elapsed and total seconds, good and failed answers, many times a second."""


def bench_serve(
    request: BenchServeRequest,
    *,
    watch: Watch | None = None,
    on_step: Callable[[LoadStep], None] | None = None,
) -> BenchServeResult:
    """Measure, and write the report if one is asked for.

    Raises `ServerError` when nobody answers, `BenchRefused` when the first request is not answered as it
    should be, and `UsageError` for what cannot be meant.
    """
    target = target_of(request.asking, request)

    def measure(rate: float) -> LoadStep:
        progress = None if watch is None else _bind(watch, rate)
        step = measure_load(target, request.settings, rate, progress)
        if on_step is not None:
            on_step(step)
        return step

    knee, objective = None, request.objective
    if request.rates:
        steps = tuple(measure(rate) for rate in request.rates)
    else:
        objective = objective or Objective(KNEE_P99_MS)
        knee, steps = find_knee(measure, objective, start=request.first_rate)
    failures = tuple(None if objective is None else objective.failure(step) for step in steps)
    written = None
    if request.report is not None:
        report = BenchReport(target, request.settings, objective, steps, failures, knee)
        written = write_bench_report(report, request.report)
    return BenchServeResult(target, request.settings, objective, steps, failures, knee, written)


def target_of(asking: Asking, request: BenchServeRequest) -> LoadTarget:
    """Settle where requests go and what they say."""
    if asking.url is None:
        target = running_target(
            request.project,
            wants_grpc=asking.wants_grpc,
            rows_per_request=asking.rows_per_request,
            seed=request.settings.seed,
        )
        path, pid = asking.path or target.path, asking.pid or target.pid
    else:
        protocol, host, port, path = read_url(asking.url, asking.path)
        target = LoadTarget(protocol, host, port, path, bodies=(b"",))
        pid = asking.pid
    return LoadTarget(
        target.protocol,
        target.host,
        target.port,
        path,
        method=asking.method,
        headers=_headers(asking, target),
        bodies=_bodies(asking, target),
        expect=asking.expect,
        pid=pid,
    )


def read_url(url: str, path: str | None) -> tuple[Protocol, str, int, str]:
    """Take a URL apart; `path` stands in for its own. Raises `UsageError` for what is no address."""
    hint = "give http://HOST:PORT/PATH, or grpc://HOST:PORT/package.Service/Method"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise UsageError(f"{url!r} is no address", hint=hint) from cause
    if parts.scheme == "https":
        raise UsageError("TLS is not measured", hint="bench the plain listener behind it")
    if parts.scheme not in {"http", "grpc"} or not parts.hostname:
        raise UsageError(f"{url!r} is no address", hint=hint)
    if parts.scheme == "grpc" and port is None:
        raise UsageError(f"{url!r} has no port", hint=hint)
    own = parts.path + (f"?{parts.query}" if parts.query else "")
    chosen = path or own or "/"
    if parts.scheme == "grpc" and chosen.count("/") != 2:
        raise UsageError(f"{chosen!r} names no method of a service", hint=hint)
    protocol: Protocol = "grpc" if parts.scheme == "grpc" else "http"
    return protocol, parts.hostname, port or 80, chosen


def _bind(watch: Watch, rate: float) -> Callable[[float, float, int, int], None]:
    def tell(elapsed: float, total: float, good: int, failed: int) -> None:
        watch(rate, elapsed, total, good, failed)

    return tell


def _headers(asking: Asking, target: LoadTarget) -> tuple[tuple[str, str], ...]:
    """Put the caller's headers over those of the target."""
    found = {name.lower(): value for name, value in target.headers}
    if target.protocol == "http" and (asking.body is not None or asking.bodies is not None):
        found.setdefault("content-type", "application/json")
    for line in asking.headers:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"{line!r} is no header", hint="write --header 'name: value'")
        found[name.strip().lower()] = value.strip()
    return tuple(found.items())


def _bodies(asking: Asking, target: LoadTarget) -> tuple[bytes, ...]:
    if asking.body is not None and asking.bodies is not None:
        raise UsageError("--body and --bodies exclude each other", hint="put all bodies into one file")
    if asking.body is not None:
        return (_read(Path(asking.body[1:])) if asking.body.startswith("@") else asking.body.encode(),)
    if asking.bodies is None:
        return target.bodies
    lines = tuple(line for line in _read(asking.bodies).splitlines() if line.strip())
    if not lines:
        raise UsageError(f"{str(asking.bodies)!r} holds no body", hint="write one request body a line")
    if target.protocol == "http":
        return lines
    try:
        return tuple(base64.b64decode(line, validate=True) for line in lines)
    except binascii.Error as cause:
        raise UsageError(
            f"{str(asking.bodies)!r} holds a line that is no base64", hint="write one encoded message a line"
        ) from cause


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise UsageError(f"cannot read {str(path)!r}", hint="name a file that is there") from cause
