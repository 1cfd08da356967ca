"""The report of a load: a Markdown page, its charts beside it, and everything that was measured as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlwright.deliverables.axis import duration_text, rate_text
from mlwright.deliverables.latency_chart import draw_latency_by_percentile, draw_latency_by_rate
from mlwright.deliverables.machine import Machine, describe_machine
from mlwright.serving import Knee, LoadSettings, LoadStep, LoadTarget, Objective
from mlwright.store import now_text, write_atomic

PAGE_NAME = "report.md"
STEP_HEADER = (
    "rate /s",
    "answered /s",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "p99 from sent",
    "wrong",
    "server CPU µs/request",
)


@dataclass(frozen=True)
class BenchReport:
    """What a report tells: what was asked and how, each step, and where the knee is."""

    target: LoadTarget
    settings: LoadSettings
    objective: Objective | None
    steps: tuple[LoadStep, ...]
    failures: tuple[str | None, ...]
    knee: Knee | None


def write_bench_report(report: BenchReport, path: Path) -> Path:
    """Write the page, its charts and its numbers; give the page's path.

    `path` is the page if it ends with `.md`, else a folder that gets `report.md`.
    """
    page = path if path.suffix == ".md" else path / PAGE_NAME
    page.parent.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    charts = _charts(report, page.stem)
    for name, chart in charts.items():
        write_atomic(page.parent / name, chart.encode())
    write_atomic(page.with_suffix(".json"), (_numbers(report, machine) + "\n").encode())
    write_atomic(page, render_bench_report(report, machine, tuple(charts), page.stem).encode())
    return page


def render_bench_report(report: BenchReport, machine: Machine, charts: Sequence[str], stem: str) -> str:
    """Give the page as Markdown."""
    images = "".join(f"![{_alternative(name)}]({name})\n\n" for name in charts)
    return (
        f"# Load on {report.target.url}\n\n{summary(report)}\n\n{images}"
        f"## Steps\n\n{_steps(report)}\n\n{_ends(report)}"
        f"## How it was measured\n\n{_settings(report)}\n\n## On what\n\n{_machine(machine)}\n\n"
        f"## Read this before the numbers\n\n{_caveats(report)}\n\n"
        f"Every count and histogram is in [{stem}.json]({stem}.json).\n"
    )


def summary(report: BenchReport) -> str:
    """Say in a sentence or two what was found."""
    knee, objective = report.knee, report.objective
    if knee is not None and objective is not None:
        promise = f"p99 of at most {objective.p99_ms:g} ms and at most {objective.max_bad_share:.2%} wrong"
        if knee.rate is None:
            return f"**No rate held** a {promise}: {knee.reason}."
        more = "" if knee.reason is None else f" At {rate_text(knee.first_failing or 0)}/s {knee.reason}."
        bound = " The generator gave out first: the server may hold more." if knee.is_lower_bound else ""
        return f"**{rate_text(knee.rate)} requests/s** hold a {promise}.{more}{bound}"
    step = report.steps[-1]
    p50, p99 = _duration(step.latency.p50_us), _duration(step.latency.p99_us)
    text = (
        f"At **{rate_text(step.rate)} requests/s**: p50 {p50}, p99 {p99}, {step.counts.bad_share:.2%} wrong"
    )
    cpu = step.server_cpu_us_per_request
    text += "." if cpu is None else f", {cpu:.1f} µs of server CPU per request."
    failed = [failure for failure in report.failures if failure is not None]
    return text if not failed else f"{text} **The objective is not held:** {failed[0]}."


def limited_steps(steps: Sequence[LoadStep]) -> str | None:
    """Say at which rates the generator was too slow, and how at the first; None when it never was."""
    limited = sorted((step for step in steps if step.generator_limit is not None), key=lambda it: it.rate)
    if not limited:
        return None
    first, *more = dict.fromkeys(f"{rate_text(step.rate)}/s" for step in limited)
    others = f"; it gave out at {', '.join(more)} too" if more else ""
    return f"At {first} {limited[0].generator_limit}{others}"


def _charts(report: BenchReport, stem: str) -> dict[str, str]:
    charts = {}
    if len({step.rate for step in report.steps}) > 1:
        charts[f"{stem}-by-rate.svg"] = draw_latency_by_rate(
            report.steps, objective=report.objective, knee=report.knee
        )
    charts[f"{stem}-by-percentile.svg"] = draw_latency_by_percentile(_main_step(report))
    return charts


def _main_step(report: BenchReport) -> LoadStep:
    """Give the last measurement at the knee, else the last one."""
    at_knee = [step for step in report.steps if report.knee is not None and step.rate == report.knee.rate]
    return (at_knee or list(report.steps))[-1]


def _alternative(name: str) -> str:
    return "latency by rate" if name.endswith("-by-rate.svg") else "latency by percentile"


def _duration(microseconds: float | None) -> str:
    return "–" if microseconds is None else duration_text(microseconds)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _steps(report: BenchReport) -> str:
    rows = []
    for step, failure in sorted(zip(report.steps, report.failures, strict=True), key=lambda it: it[0].rate):
        cpu = step.server_cpu_us_per_request
        rows.append(
            [
                rate_text(step.rate),
                rate_text(step.achieved_rate),
                *(
                    _duration(getattr(step.latency, f"{name}_us"))
                    for name in ("p50", "p90", "p99", "p999", "max")
                ),
                _duration(step.service.p99_us),
                f"{step.counts.bad_share:.2%}",
                "–" if cpu is None else f"{cpu:.1f}",
            ]
            + ([] if report.objective is None else ["holds" if failure is None else failure])
        )
    return _table(STEP_HEADER if report.objective is None else (*STEP_HEADER, "objective"), rows)


def _ends(report: BenchReport) -> str:
    """List how requests ended, for steps in which any went wrong."""
    names = [item.name for item in dataclasses.fields(report.steps[0].counts)]
    bad = [step for step in report.steps if step.counts.ok != step.counts.offered]
    if not bad:
        return ""
    rows = [
        [
            rate_text(step.rate),
            *(f"{getattr(step.counts, name):,}" for name in names),
            step.first_failure or "",
        ]
        for step in bad
    ]
    header = ["rate /s", *(name.replace("_", " ") for name in names), "first failure"]
    return f"How requests ended where any went wrong:\n\n{_table(header, rows)}\n\n"


def _settings(report: BenchReport) -> str:
    target, settings = report.target, report.settings
    streams = f" with {settings.streams} streams each" if target.protocol == "grpc" else ""
    protocol = "gRPC over HTTP/2" if target.protocol == "grpc" else "HTTP/1.1, keep-alive"
    rows = [
        ["request", f"`{target.method} {target.path}`, {protocol}"],
        [
            "bodies",
            f"{len(target.bodies):,} in turn, {sum(map(len, target.bodies)) // len(target.bodies):,} bytes",
        ],
        ["arrivals", f"{settings.arrivals}, seed {settings.seed}"],
        ["connections", f"{settings.connections}{streams}"],
        ["threads of the generator", str(settings.threads)],
        ["time", f"{settings.warm_up_s:g} s of warm-up, then {settings.seconds:g} s counted, for each step"],
        ["time-out", f"{settings.timeout_ms:,} ms from the time a request is due"],
        ["server process", "unknown" if target.pid is None else f"{target.pid} and its descendants"],
        ["measured", now_text()],
    ]
    return _table(["what", "value"], rows)


def _machine(machine: Machine) -> str:
    rows = [
        [item.name.replace("_", " "), str(getattr(machine, item.name))]
        for item in dataclasses.fields(machine)
    ]
    return _table(["what", "value"], rows)


CAVEATS = (
    "Latency counts from the time a request was due, so a stall of the server is charged with every request "
    "that had to wait (no coordinated omission). *From sent* starts when a connection was free.",
    "Requests out of time are in the percentiles with the time-out, so percentiles do not improve by "
    "failing. Other failures are counted and are not in the percentiles.",
    "The generator ran on this machine. Unless both are bound to different cores, it takes CPU time from a "
    "server on the same machine.",
    "CPU time has the resolution of the system's clock ticks, mostly 10 ms; short windows are coarse.",
)


def _caveats(report: BenchReport) -> str:
    lines = list(CAVEATS)
    limited = limited_steps(report.steps)
    if limited is not None:
        lines.append(f"{limited}: there the numbers say little of the server.")
    for rate, (queued, peak) in sorted(_queues(report.steps).items()):
        lines.append(
            f"At {rate_text(rate)}/s {queued:,} requests found all {report.settings.connections} connections "
            f"busy, up to {peak:,} at once; their wait is in the latency."
        )
    return "\n".join(f"- {line}" for line in lines)


def _queues(steps: Sequence[LoadStep]) -> dict[float, tuple[int, int]]:
    """Give how many waited for a connection at each rate where more than 1 % did, of its last measurement."""
    return {
        step.rate: (step.queued, step.queue_peak) for step in steps if step.queued * 100 > step.counts.offered
    }


def _numbers(report: BenchReport, machine: Machine) -> str:
    target = dataclasses.asdict(report.target)
    del target["bodies"], target["headers"]  # rows of people and a token
    facts = {
        "format": 1,
        "target": target | {"url": report.target.url, "bodies": len(report.target.bodies)},
        "settings": dataclasses.asdict(report.settings),
        "objective": None if report.objective is None else dataclasses.asdict(report.objective),
        "knee": None if report.knee is None else dataclasses.asdict(report.knee),
        "steps": [
            dataclasses.asdict(step) | {"failure": failure}
            for step, failure in zip(report.steps, report.failures, strict=True)
        ],
        "machine": dataclasses.asdict(machine),
    }
    return json.dumps(facts, ensure_ascii=False)
