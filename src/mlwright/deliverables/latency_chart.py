"""Charts of latency as SVG files that stand alone: by rate, and by percentile."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlwright.deliverables.axis import Axis, duration_text, even_axis, log_axis, rate_text
from mlwright.serving import Durations, Knee, LoadStep, Objective

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 920, 460, 78, 26, 70, 58
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
    x = across(rates, LEFT, WIDTH - RIGHT)
    y = log_axis(heights or [1.0], HEIGHT - BOTTOM, TOP)
    parts = [_frame(x, y, rate_text, "offered rate (requests/s)")]
    if objective is not None:
        parts.append(_objective(objective, y))
    if knee is not None and knee.rate is not None:
        parts.append(_knee(knee.rate, x))
    parts += [_line(series.style, points, x, y) for series, points in lines]
    parts.append(_legend([(series.style, series.name) for series in BY_RATE]))
    return _page("Latency by offered rate, counted from the time requests were due", "".join(parts))


def draw_latency_by_percentile(step: LoadStep) -> str:
    """Draw the whole distribution of one rate: from due, as callers feel it, and from sent, to compare."""
    lines = [
        ("p99", "from due to answered", _tail(step.latency)),
        ("sent", "from sent to answered", _tail(step.service)),
    ]
    tails = [tail for _, _, points in lines for tail, _ in points]
    heights = [latency for _, _, points in lines for _, latency in points]
    x = Axis(1.0, max([*tails, 10.0]), LEFT, WIDTH - RIGHT, is_log=True)
    y = log_axis(heights or [1.0], HEIGHT - BOTTOM, TOP)
    parts = [_frame(x, y, _percent_text, "share of requests that were no slower (%)")]
    parts += [_line(style, points, x, y, dots=False) for style, _, points in lines]
    parts.append(_legend([(style, name) for style, name, _ in lines]))
    return _page(f"Latency distribution at {rate_text(step.rate)} requests/s", "".join(parts))


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


def _frame(x: Axis, y: Axis, name_of: Callable[[float], str], title: str) -> str:
    parts = []
    for tick in y.ticks():
        at = y.place(tick)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{duration_text(tick)}</text>'
        )
    for tick in x.ticks():
        at = x.place(tick)
        parts.append(
            f'<line class="grid" y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="{at:.1f}" x2="{at:.1f}"/>'
            f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{name_of(tick)}</text>'
        )
    middle, height = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{html.escape(title)}</text>'
        f'<text transform="translate(16 {height}) rotate(-90)" text-anchor="middle">'
        "latency (logarithmic)</text>"
    )
    return "".join(parts)


def _line(style: str, points: Sequence[tuple[float, float]], x: Axis, y: Axis, *, dots: bool = True) -> str:
    places = [(x.place(at), y.place(latency)) for at, latency in points]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
    marks = "".join(
        f'<circle class="dot {style}" cx="{left:.1f}" cy="{top:.1f}" r="3"/>' for left, top in places
    )
    return f'<polyline class="line {style}" points="{path}"/>{marks if dots and style != "sent" else ""}'


def _objective(objective: Objective, y: Axis) -> str:
    at = y.place(1e3 * objective.p99_ms)
    beside = at - 5 if at > TOP + 18 else at + 15  # below the line when the legend is above it
    return (
        f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="note" x="{LEFT + 6}" y="{beside:.1f}">p99 objective {objective.p99_ms:g} ms</text>'
    )


def _knee(rate: float, x: Axis) -> str:
    at = x.place(rate)
    side, shift = ("end", -6) if at > WIDTH - RIGHT - LABEL_ROOM else ("start", 6)
    return (
        f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="note" x="{at + shift:.1f}" y="{TOP + 14}" text-anchor="{side}">'
        f"knee {rate_text(rate)}/s</text>"
    )


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    parts, left = [], float(LEFT)
    for style, name in entries:
        parts.append(
            f'<line class="line {style}" x1="{left:.0f}" x2="{left + 26:.0f}" y1="50" y2="50"/>'
            f'<text x="{left + 32:.0f}" y="54">{html.escape(name)}</text>'
        )
        left += 60 + 7.2 * len(name)
    return "".join(parts)


def _page(title: str, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{html.escape(title)}"><style>{STYLE}</style>'
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text class="title" x="{LEFT}" y="26">{html.escape(title)}</text>{content}</svg>\n'
    )
