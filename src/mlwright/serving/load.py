"""Measure a server under arrivals at a fixed rate: what to ask, how, and what was found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mlwright import native
from mlwright.errors import BenchRefused, ServerError, UsageError

Protocol: TypeAlias = Literal["http", "grpc"]
ArrivalKind: TypeAlias = Literal["constant", "poisson"]
OnProgress: TypeAlias = Callable[[float, float, int, int], None]


@dataclass(frozen=True)
class LoadTarget:
    """Where requests go and what they say; bodies go in turn. `pid` is the process whose CPU time counts."""

    protocol: Protocol
    host: str
    port: int
    path: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may hold a token
    bodies: tuple[bytes, ...] = field(default=(b"",), repr=False)
    expect: str | None = None
    pid: int | None = None

    @property
    def url(self) -> str:
        """Give the address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'grpc' if self.protocol == 'grpc' else 'http'}://{host}:{self.port}{self.path}"


@dataclass(frozen=True)
class LoadSettings:
    """How the load is made; `streams` are requests at a time on one gRPC connection."""

    connections: int = 64
    streams: int = 1
    threads: int = 1
    arrivals: ArrivalKind = "constant"
    seed: int = 7
    warm_up_s: float = 1.0
    seconds: float = 10.0
    timeout_ms: int = 10_000


@dataclass(frozen=True)
class Durations:
    """Percentiles in microseconds, None when nothing was counted; buckets in ns: lowest, width, count."""

    count: int
    mean_us: float | None
    min_us: float | None
    p50_us: float | None
    p75_us: float | None
    p90_us: float | None
    p95_us: float | None
    p99_us: float | None
    p999_us: float | None
    p9999_us: float | None
    max_us: float | None
    buckets: tuple[tuple[int, int, int], ...] = field(repr=False)

    def quantile_us(self, share: float) -> float | None:
        """Give the duration that this share (0..1) does not exceed, within 0.4 %."""
        wanted, seen = share * self.count, 0
        for lowest, width, count in self.buckets:
            seen += count
            if seen >= wanted:
                return (lowest + width // 2) / 1e3
        return None


@dataclass(frozen=True)
class Counts:
    """How many requests of the window ended how; those after `offered` add up to it."""

    offered: int
    ok: int
    unexpected: int
    other: int
    client_errors: int
    shed: int
    server_errors: int
    connection_errors: int
    timed_out: int
    unsent: int

    @property
    def bad_share(self) -> float:
        """Give the share of requests that were not answered as they should be, 0..1."""
        return 1 - self.ok / self.offered if self.offered else 0.0


@dataclass(frozen=True)
class LoadStep:
    """One rate, measured once.

    `latency` counts from the time a request was due, `service` from the time it was sent, `shed` is the
    latency of 429 and 503, `lag` is how late the generator itself was. `generator_limit` says why the numbers
    are the generator's rather than the server's. `achieved_rate` counts good answers in time, `answered_rate`
    every answer that came within the window.
    """

    rate: float
    seconds: float
    counts: Counts
    statuses: tuple[tuple[int, int], ...]
    offered_rate: float
    achieved_rate: float
    answered_rate: float
    latency: Durations
    service: Durations
    shed: Durations
    lag: Durations
    queued: int
    queue_peak: int
    reconnects: int
    first_failure: str | None
    server_cpu_s: float | None
    server_cpu_us_per_request: float | None
    generator_cpu_s: float
    generator_busy_share: float
    generator_limit: str | None


def measure_load(
    target: LoadTarget, settings: LoadSettings, rate: float, on_progress: OnProgress | None = None
) -> LoadStep:
    """Measure one rate.

    Raises `BenchRefused` when the first request is not answered as it should be, `ServerError` when nobody
    answers, `UsageError` for settings that cannot be meant. Requests that fail under load are counted.
    """
    asked = dataclasses.asdict(target) | dataclasses.asdict(settings) | {"rate": float(rate)}
    bodies = asked.pop("bodies")
    try:
        found = json.loads(native.bench(json.dumps(asked), bodies, on_progress))
    except native.NativeError as cause:
        raise _failure(*cause.args, target=target) from cause
    return read_step(found)


def read_step(found: Mapping[str, object]) -> LoadStep:
    """Read what the generator found."""
    values: dict[str, object] = {name: found[name] for name in _STEP_FIELDS}
    values["counts"] = Counts(**_mapping(found["counts"]))
    for name in ("latency", "service", "shed", "lag"):
        durations = _mapping(found[name])
        durations["buckets"] = tuple(tuple(bucket) for bucket in durations["buckets"])
        values[name] = Durations(**durations)
    statuses = found["statuses"]
    assert isinstance(statuses, list)
    values["statuses"] = tuple(sorted((int(status), int(count)) for status, count in statuses))
    return LoadStep(**values)  # type: ignore[arg-type]  # the fields that the generator writes


_STEP_FIELDS = tuple(item.name for item in dataclasses.fields(LoadStep))


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return dict(value)


def _failure(code: str, message: str, *, target: LoadTarget) -> ServerError | UsageError:
    if code == "bench.plan":
        return UsageError(message, hint="see `mlwright bench serve --help`")
    if code in {"bench.refused", "bench.protocol"}:
        return BenchRefused(
            f"{target.url}: {message}",
            hint="give what the server expects with --path, --method, --header, --body or --bodies",
            reason=code,
        )
    return ServerError(
        f"{target.url}: {message}",
        hint="start it with `mlwright up`, or name another with --url",
        reason=code,
    )
