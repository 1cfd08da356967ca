"""Measurements as a server of known capacity would give them."""

from __future__ import annotations

from mlwright.serving import Counts, Durations, LoadStep


def durations(*microseconds: float) -> Durations:
    """Durations of a few values, each in a bucket of its own."""
    ordered = sorted(microseconds)
    count = len(ordered)
    if not count:
        return Durations(0, *[None] * 10, ())
    at = [
        ordered[min(count - 1, int(share * count))] for share in (0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)
    ]
    buckets = tuple((int(value * 1e3), 1, 1) for value in ordered)
    return Durations(count, sum(ordered) / count, ordered[0], *at, ordered[-1], buckets)


def step(
    rate: float, *, p99_ms: float = 1.0, ok: float = 1.0, achieved: float = 1.0, limit: str | None = None
) -> LoadStep:
    """One second at a rate; `ok` is the share answered well, `achieved` the share answered in the window."""
    offered = round(rate)
    good = round(offered * ok)
    slow = 1e3 * p99_ms
    spread = [slow * share / 100 for share in range(1, 99)] + [slow] * 2
    return LoadStep(
        rate=rate,
        seconds=1.0,
        counts=Counts(offered, good, 0, 0, 0, offered - good, 0, 0, 0, 0),
        statuses=((200, good),),
        offered_rate=float(offered),
        achieved_rate=good * achieved,
        answered_rate=offered * achieved,
        latency=durations(*spread),
        service=durations(*(value / 2 for value in spread)),
        shed=durations(),
        lag=durations(1.0),
        queued=0,
        queue_peak=0,
        reconnects=0,
        first_failure=None if good == offered else "status 503",
        server_cpu_s=0.1,
        server_cpu_us_per_request=1e5 / offered,
        generator_cpu_s=0.1,
        generator_busy_share=0.1,
        generator_limit=limit,
    )
