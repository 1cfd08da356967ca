"""Render the measurement of a server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.cli.command import Arguments
from mlwright.cli.output import Output, table
from mlwright.errors import UsageError

if TYPE_CHECKING:
    from mlwright.commands.bench_serve import BenchServeRequest, BenchServeResult
    from mlwright.serving import Durations, LoadStep

DONE, REFUSED = 0, 3
REDRAW_SECONDS = 0.25
DEFAULT_RATE, DEFAULT_SECONDS, SEARCH_SECONDS = 1_000.0, 10.0, 3.0
ENDS = (
    ("unexpected", "with an unexpected body"),
    ("other", "1xx or 3xx"),
    ("client_errors", "4xx"),
    ("shed", "shed with 429 or 503"),
    ("server_errors", "5xx"),
    ("connection_errors", "connection errors"),
    ("timed_out", "timed out"),
    ("unsent", "never sent, as no connection was free in time"),
)


def bench_serve(args: Arguments, out: Output) -> int:
    """Measure a server under load; exit code 3 when an objective is given and not held."""
    from mlwright.commands.bench_serve import bench_serve as measure

    request = _request(args)
    line = _ProgressLine(out)

    def tell(step: LoadStep) -> None:
        line.clear()
        if len(request.rates) != 1:
            out.say(_step_line(step))

    try:
        result = measure(request, watch=line.draw, on_step=tell)
    finally:
        line.clear()
    out.result(_value(result), _lines(result, out))
    return DONE if result.objective is None or result.holds else REFUSED


def _request(args: Arguments) -> BenchServeRequest:
    from mlwright.commands.bench_serve import Asking, BenchServeRequest
    from mlwright.serving import LoadSettings, Objective

    rates = _rates(args)
    seconds = _or(args.seconds, DEFAULT_SECONDS if len(rates) == 1 else SEARCH_SECONDS)
    return BenchServeRequest(
        args.project,
        Asking(
            url=args.url,
            wants_grpc=args.grpc,
            path=args.path,
            method=args.method,
            headers=tuple(args.header or ()),
            body=args.body,
            bodies=None if args.bodies is None else Path(args.bodies),
            rows_per_request=args.rows,
            expect=args.expect,
            pid=args.pid,
        ),
        LoadSettings(
            connections=args.connections,
            streams=args.streams,
            threads=args.threads,
            arrivals=args.arrivals,
            seed=args.seed,
            warm_up_s=args.warm_up,
            seconds=seconds,
            timeout_ms=args.timeout_ms,
        ),
        rates=rates,
        first_rate=_or(args.rate, DEFAULT_RATE),
        objective=None if args.p99_ms is None else Objective(args.p99_ms, args.max_wrong),
        report=None if args.report is None else Path(args.report),
    )


def _rates(args: Arguments) -> tuple[float, ...]:
    """Give the rates to measure, none for a search."""
    from mlwright.serving import ramp

    if args.ramp is not None and (args.rate is not None or args.find_knee):
        raise UsageError("--ramp stands alone", hint="give either --rate, --ramp or --find-knee")
    if args.ramp is not None:
        try:
            return ramp(args.ramp)
        except ValueError as cause:
            raise UsageError(
                f"{args.ramp!r} is no ramp", hint="write --ramp FROM:TO:STEPS, for example 1000:50000:10"
            ) from cause
    if args.find_knee:
        return ()
    return (_or(args.rate, DEFAULT_RATE),)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


class _ProgressLine:
    """One moving line on a terminal, nothing elsewhere."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._is_shown = out.is_terminal and not out.as_json
        self._drawn_at = 0.0

    def draw(self, rate: float, elapsed: float, total: float, good: int, failed: int) -> None:
        now = time.monotonic()
        if not self._is_shown or now - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at = now
        wrong = f", {failed:,} wrong" if failed else ""
        text = f"{rate:,.0f}/s  {min(elapsed, total):.0f} of {total:.0f} s  {good:,} answered{wrong}"
        self._out.stderr.write(f"\r\033[K{text}")
        self._out.stderr.flush()

    def clear(self) -> None:
        if self._drawn_at:
            self._drawn_at = 0.0
            self._out.stderr.write("\r\033[K")
            self._out.stderr.flush()


def _value(result: BenchServeResult) -> dict[str, object]:
    """Give what goes out as JSON: no bodies, no token, no buckets; those are in the report."""
    from mlwright.cli.output import plain

    def short(step: LoadStep, failure: str | None) -> dict[str, object]:
        found = plain(step)
        assert isinstance(found, dict)
        for value in found.values():
            if isinstance(value, dict):
                value.pop("buckets", None)
        return {**found, "failure": failure}

    target = result.target
    return {
        "target": {
            "url": target.url,
            "method": target.method,
            "pid": target.pid,
            "bodies": len(target.bodies),
        },
        "settings": result.settings,
        "objective": result.objective,
        "holds": None if result.objective is None else result.holds,
        "knee": result.knee,
        "steps": [short(*pair) for pair in zip(result.steps, result.failures, strict=True)],
        "report": result.report,
    }


def _step_line(step: LoadStep) -> str:
    p50, p99 = _us(step.latency.p50_us), _us(step.latency.p99_us)
    limit = f"  ({step.generator_limit})" if step.generator_limit else ""
    return (
        f"{step.rate:>10,.0f}/s  answered {step.achieved_rate:>10,.0f}/s  p50 {p50:>8}  p99 {p99:>8}"
        f"  wrong {step.counts.bad_share:.2%}{limit}"
    )


def _lines(result: BenchServeResult, out: Output) -> list[str]:
    from mlwright.deliverables import BenchReport, limited_steps, summary

    settings = result.settings
    report = BenchReport(
        result.target, settings, result.objective, result.steps, result.failures, result.knee
    )
    lines = [
        f"{result.target.method} {result.target.url}, {settings.connections} connections, "
        f"{settings.arrivals} arrivals, {settings.seconds:g} s a step",
        summary(report).replace("**", ""),
        "",
    ]
    if len(result.steps) == 1:
        lines += _one_step(result.steps[0])
    else:
        lines += _many_steps(result)
    limited = limited_steps(result.steps)
    if limited is not None:
        lines += ["", f"{out.style('look at this:', 'yellow')} {limited}"]
    if result.report is not None:
        lines += ["", f"report: {result.report}"]
    return lines


def _one_step(step: LoadStep) -> list[str]:
    rows = [
        _durations("from due", step.latency),
        _durations("from sent", step.service),
        _durations("generator late", step.lag),
    ]
    if step.shed.count:
        rows.insert(2, _durations("shed", step.shed))
    names = ("latency", "count", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max")
    lines = [*table(rows, header=names), ""]
    counts = step.counts
    lines.append(
        f"{counts.offered:,} requests in {step.seconds:g} s: {counts.ok:,} answered as they should be"
        f" ({step.achieved_rate:,.1f}/s)"
    )
    lines += [f"  {found:,} {text}" for name, text in ENDS if (found := getattr(counts, name))]
    if step.first_failure is not None:
        lines.append(f"  the first: {step.first_failure}")
    cpu = step.server_cpu_us_per_request
    known = "unknown; name its process with --pid" if cpu is None else f"{cpu:.1f} µs per request"
    lines.append(f"server CPU: {known}")
    lines.append(f"generator: busy {step.generator_busy_share:.0%} of the time")
    return lines


def _many_steps(result: BenchServeResult) -> list[str]:
    header = ["rate /s", "answered /s", "p50", "p90", "p99", "p99.9", "p99 from sent", "wrong", "CPU µs"]
    rows = []
    for step, failure in sorted(
        zip(result.steps, result.failures, strict=True), key=lambda pair: pair[0].rate
    ):
        cpu = step.server_cpu_us_per_request
        latency = step.latency
        shown = (latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, step.service.p99_us)
        row = [f"{step.rate:,.0f}", f"{step.achieved_rate:,.0f}", *map(_us, shown)]
        row += [f"{step.counts.bad_share:.2%}", "–" if cpu is None else f"{cpu:.1f}"]
        rows.append([*row, "holds" if failure is None else failure] if result.objective else row)
    return table(rows, header=[*header, "objective"] if result.objective else header)


def _durations(name: str, found: Durations) -> tuple[str, ...]:
    values = (
        found.mean_us,
        found.p50_us,
        found.p90_us,
        found.p99_us,
        found.p999_us,
        found.p9999_us,
        found.max_us,
    )
    return (name, f"{found.count:,}", *map(_us, values))


def _us(microseconds: float | None) -> str:
    from mlwright.deliverables import duration_text

    return "–" if microseconds is None else duration_text(microseconds)
