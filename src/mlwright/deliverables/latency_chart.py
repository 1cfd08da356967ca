"""Charts of latency as SVG files that stand alone: by rate, and by percentile."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlwright.deliverables.axis import Axis, duration_text, even_axis, log_axis, rate_text
from mlwright.deliverables.frame import Frame, Scale, draw_axes, draw_legend, draw_page
from mlwright.serving import Durations, Knee, LoadStep, Objective

FRAME = Frame(width=920, height=460, left=78, right=26, top=70, bottom=58)
LATENCY = "latency (logarithmic)"
WIDE_SPAN = 60  # rates further apart than this are drawn by their logarithm
LABEL_ROOM = 150
STYLE = """
svg{--ink:#1a1d21;--soft:#5b6470;--line:#dde1e6;--page:#fff;font:13px system-ui,sans-serif}
@media(prefers-color-scheme:dark){svg{--ink:#e8eaed;--soft:#a3abb5;--line:#363c43;--page:#16191d}}
.page{fill:var(--page)}text{fill:var(--soft)}.title{fill:var(--ink);font-size:15px;font-weight:600}
.grid{stroke:var(--line)}.line{fill:none;stroke-width:2.2;stroke-linejoin:round}
.p50{stroke:#59a14f}.p90{stroke:#4e79a7}.p99{stroke:#e07b1a;stroke-width:3}.p999{stroke:#d1453b}
.sent{stroke:#8b919b;stroke-dasharray:6 4}.dot{fill:var(--page);stroke-width:2}
.mark{stroke:var(--ink);stroke-dasharray:3 4}.note{fill:var(--ink)}
"""


@dataclass(frozen=True)
class _Series:
    """One line: its style, what the legend calls it, and its value of a step."""

    style: str
    name: str
    value: Callable[[LoadStep], float | None]


BY_RATE = (
    _Series("p50", "p50", lambda step: step.latency.p50_us),
    _Series("p90", "p90", lambda step: step.latency.p90_us),
    _Series("p99", "p99", lambda step: step.latency.p99_us),
    _Series("p999", "p99.9", lambda step: step.latency.p999_us),
    _Series("sent", "p99 counted from sending", lambda step: step.service.p99_us),
)


def draw_latency_by_rate(
    steps: Sequence[LoadStep], *, objective: Objective | None = None, knee: Knee | None = None
) -> str:
    """Draw p50, p90, p99 and p99.9 over the offered rate, with the objective and the knee; needs two rates.

    A rate that was measured twice shows its last measurement.
    """
    last = {step.rate: step for step in steps}
    ordered = [last[rate] for rate in sorted(last)]
    lines = [(series, _points(ordered, series.value)) for series in BY_RATE]
    heights = [latency for _, points in lines for _, latency in points]
    if objective is not None:
        heights.append(1e3 * objective.p99_ms)
    rates = [step.rate for step in ordered]
    across = log_axis if rates[-1] / rates[0] > WIDE_SPAN else even_axis
    x = across(rates, FRAME.left, FRAME.end)
    y = log_axis(heights or [1.0], FRAME.floor, FRAME.top)
    parts = [_axes(Scale(x, "offered rate (requests/s)", rate_text), y)]
    if objective is not None:
        parts.append(_objective(objective, y))
    if knee is not None and knee.rate is not None:
        parts.append(_knee(knee.rate, x))
    parts += [_line(series.style, points, x, y) for series, points in lines]
    parts.append(_legend([(series.style, series.name) for series in BY_RATE]))
    title = "Latency by offered rate, counted from the time requests were due"
    said = f"{len(ordered)} rates from {rate_text(rates[0])} to {rate_text(rates[-1])} requests/s."
    return _page(title, said, "".join(parts))


def draw_latency_by_percentile(step: LoadStep) -> str:
    """Draw the whole distribution of one rate: from due, as callers feel it, and from sent, to compare."""
    lines = [
        ("p99", "from due to answered", _tail(step.latency)),
        ("sent", "from sent to answered", _tail(step.service)),
    ]
    tails = [tail for _, _, points in lines for tail, _ in points]
    heights = [latency for _, _, points in lines for _, latency in points]
    x = Axis(1.0, max([*tails, 10.0]), FRAME.left, FRAME.end, is_log=True)
    y = log_axis(heights or [1.0], FRAME.floor, FRAME.top)
    parts = [_axes(Scale(x, "share of requests that were no slower (%)", _percent_text), y)]
    parts += [_line(style, points, x, y, dots=False) for style, _, points in lines]
    parts.append(_legend([(style, name) for style, name, _ in lines]))
    title = f"Latency distribution at {rate_text(step.rate)} requests/s"
    return _page(title, f"{step.latency.count:,} answers, by the share that was no slower.", "".join(parts))


def _points(
    steps: Sequence[LoadStep], value: Callable[[LoadStep], float | None]
) -> list[tuple[float, float]]:
    return [(step.rate, found) for step in steps if (found := value(step)) is not None and found > 0]


def _tail(durations: Durations) -> list[tuple[float, float]]:
    """Give one over the share that was slower, and the latency, down to the slowest single request."""
    points, seen = [], 0
    for lowest, width, count in durations.buckets:
        left = durations.count - seen
        points.append((durations.count / left, (lowest + width / 2) / 1e3))
        seen += count
    if durations.max_us is not None:
        points.append((float(durations.count), durations.max_us))
    return points


def _percent_text(tail: float) -> str:
    """Write 1, 10, 100, … as the percentile that leaves such a part above it."""
    if tail < 1.5:
        return "0"
    return f"{100 * (1 - 1 / tail):.10g}"


def _line(style: str, points: Sequence[tuple[float, float]], x: Axis, y: Axis, *, dots: bool = True) -> str:
    places = [(x.place(at), y.place(latency)) for at, latency in points]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
    marks = "".join(
        f'<circle class="dot {style}" cx="{left:.1f}" cy="{top:.1f}" r="3"/>' for left, top in places
    )
    return f'<polyline class="line {style}" points="{path}"/>{marks if dots and style != "sent" else ""}'


def _objective(objective: Objective, y: Axis) -> str:
    at = y.place(1e3 * objective.p99_ms)
    beside = at - 5 if at > FRAME.top + 18 else at + 15  # below the line when the legend is above it
    return (
        f'<line class="mark" x1="{FRAME.left}" x2="{FRAME.end}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="note" x="{FRAME.left + 6}" y="{beside:.1f}">'
        f"p99 objective {objective.p99_ms:g} ms</text>"
    )


def _knee(rate: float, x: Axis) -> str:
    at = x.place(rate)
    side, shift = ("end", -6) if at > FRAME.end - LABEL_ROOM else ("start", 6)
    return (
        f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{FRAME.top}" y2="{FRAME.floor}"/>'
        f'<text class="note" x="{at + shift:.1f}" y="{FRAME.top + 14}" text-anchor="{side}">'
        f"knee {rate_text(rate)}/s</text>"
    )


def _axes(x: Scale, y: Axis) -> str:
    return draw_axes(FRAME, x, Scale(y, LATENCY, duration_text))


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    return draw_legend(FRAME, [(f"line {style}", name) for style, name in entries], 50)


def _page(title: str, description: str, content: str) -> str:
    """Give a file that stands alone: with its style, its background and its title above."""
    head = (
        f'<style>{STYLE}</style><rect class="page" width="{FRAME.width}" height="{FRAME.height}"/>'
        f'<text class="title" x="{FRAME.left}" y="26">{html.escape(title)}</text>'
    )
    return draw_page("chart", title, description, (FRAME.width, FRAME.height), head + content) + "\n"
