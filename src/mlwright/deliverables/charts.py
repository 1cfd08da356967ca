"""Charts as SVG within a page: lines, dots, bands, bars and ranges, each with a title and a description."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from mlwright.deliverables.axis import Axis, log_axis, span_axis
from mlwright.deliverables.frame import Frame, Scale, draw_axes, draw_legend, draw_page

FRAME = Frame(width=620, height=330, left=66, right=18, top=16, bottom=48)
LEGEND = 22  # pixels
BAR, LABEL_ROOM, MOST_LETTERS = 24, 190, 25
Kind: TypeAlias = Literal["line", "dots", "band", "whiskers", "bars", "guide"]
Point: TypeAlias = tuple[float, ...]

CHART_STYLE = """
svg{font:12px system-ui,sans-serif;max-width:100%;height:auto}
svg text{fill:var(--soft)}svg .strong{fill:var(--ink)}
.grid{stroke:var(--line)}.zero{stroke:var(--soft)}.plot{fill:none;stroke-width:2;stroke-linejoin:round}
.guide{stroke:var(--soft);stroke-dasharray:5 4;fill:none}.mark{stroke:var(--ink);stroke-dasharray:2 3}
.a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}.whisker{stroke-width:1.5}
.band.a,.bar.a,.dot.a{fill:var(--a)}.band.b,.bar.b,.dot.b{fill:var(--b)}.band.c,.bar.c,.dot.c{fill:var(--c)}
.band{stroke:none;opacity:.2}.bar{stroke:none;opacity:.8}.dot{stroke:none}.dot.many{opacity:.55}
"""


@dataclass(frozen=True)
class Series:
    """Something drawn over x: points are (x, y), of bands and whiskers (x, low, high), of bars (x, x, y)."""

    kind: Kind
    points: Sequence[Point]
    style: Literal["a", "b", "c"] = "a"
    name: str = ""

    @property
    def line(self) -> str:
        """Name the style of its line."""
        return "guide" if self.kind == "guide" else f"plot {self.style}"

    def across(self, point: Point) -> Point:
        """Give the places of a point on the x axis."""
        return point[:2] if self.kind == "bars" else point[:1]

    def up(self, point: Point) -> Point:
        """Give its values."""
        return point[2:] if self.kind == "bars" else point[1:]


@dataclass(frozen=True)
class Plot:
    """A chart over two axes; `marks` are named places on the x axis."""

    title: str
    description: str
    across: str
    up: str
    series: Sequence[Series]
    marks: Sequence[tuple[float, str]] = ()
    across_text: Callable[[float], str] | None = None
    up_text: Callable[[float], str] | None = None
    is_log: bool = False
    up_values: Sequence[float] = ()


@dataclass(frozen=True)
class Bar:
    """A named value with its range, None where it is not known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def draw_plot(plot: Plot, identifier: str) -> str:
    """Draw lines, dots, bands and bars over two axes; a plot without a point says so."""
    xs = [at for series in plot.series for point in series.points for at in series.across(point)]
    ys = [value for series in plot.series for point in series.points for value in series.up(point)]
    if not xs or not ys:
        return "<p>There is nothing to draw.</p>"
    xs += [at for at, _ in plot.marks]
    make = log_axis if plot.is_log else span_axis
    named = [(series.line, series.name) for series in plot.series if series.name]
    frame = replace(FRAME, top=FRAME.top + LEGEND) if named else FRAME
    x = make(xs, frame.left, frame.end)
    y = span_axis([*ys, *plot.up_values], frame.floor, frame.top)
    across = Scale(x, plot.across, plot.across_text or tick_text)
    parts = [draw_axes(frame, across, Scale(y, plot.up, plot.up_text or tick_text))]
    parts += [_series(series, x, y) for series in plot.series]
    parts += [_mark(at, text, x, frame, number) for number, (at, text) in enumerate(plot.marks)]
    parts.append(draw_legend(frame, named, 14))
    return draw_page(identifier, plot.title, plot.description, (frame.width, frame.height), "".join(parts))


def draw_bars(
    title: str, description: str, bars: Sequence[Bar], identifier: str, *, is_range: bool = False
) -> str:
    """Draw one bar below the other, from zero; ranges have a dot at their value instead."""
    if not bars:
        return "<p>There is nothing to draw.</p>"
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if end is not None]
    height = FRAME.top + BAR * len(bars) + 28
    x = span_axis([0.0, *ends], LABEL_ROOM, FRAME.end)
    parts = []
    for tick in x.ticks():
        at = x.place(tick)
        style = "zero" if abs(tick) < 1e-12 else "grid"
        parts.append(
            f'<line class="{style}" x1="{at:.1f}" x2="{at:.1f}" y1="{FRAME.top}" y2="{height - 28}"/>'
            f'<text x="{at:.1f}" y="{height - 10}" text-anchor="middle">{tick_text(tick)}</text>'
        )
    for number, bar in enumerate(bars):
        parts.append(_bar(bar, x, FRAME.top + BAR * (number + 0.5), is_range=is_range))
    return draw_page(identifier, title, description, (FRAME.width, height), "".join(parts))


def tick_text(value: float) -> str:
    """Write a tick in few letters.

    >>> [tick_text(value) for value in (0.0, 0.25, 1500.0, 2_000_000.0, 0.00001)]
    ['0', '0.25', '1500', '2M', '1e-05']
    """
    if abs(value) < 1e-12:
        return "0"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{value:.4g}"


def percent_text(value: float) -> str:
    """Write a share as per cent.

    >>> percent_text(0.125)
    '12.5 %'
    """
    return f"{100 * value:.3g} %"


def short(text: str, letters: int = MOST_LETTERS) -> str:
    """Cut the middle of a name that is too long for its room: long names differ at their ends.

    >>> short("a_rather_long_name_of_number_17", 16)
    'a_rathe…umber_17'
    """
    half = letters // 2
    return text if len(text) <= letters else f"{text[: letters - half - 1]}…{text[-half:]}"


def _series(series: Series, x: Axis, y: Axis) -> str:
    style, points = series.style, series.points
    match series.kind:
        case "line" | "guide":
            path = " ".join(f"{x.place(at):.1f},{y.place(value):.1f}" for at, value in points)
            return f'<polyline class="{series.line}" points="{path}"/>'
        case "dots":
            many, size = (" many", 2.4) if len(points) > 40 else ("", 3.4)
            return "".join(
                f'<circle class="dot {style}{many}" r="{size}" cx="{x.place(at):.1f}" '
                f'cy="{y.place(value):.1f}"/>'
                for at, value in points
            )
        case "band":
            upper = [f"{x.place(at):.1f},{y.place(high):.1f}" for at, _, high in points]
            lower = [f"{x.place(at):.1f},{y.place(low):.1f}" for at, low, _ in reversed(points)]
            return f'<polygon class="band {style}" points="{" ".join([*upper, *lower])}"/>'
        case "whiskers":
            return "".join(
                f'<line class="whisker {style}" x1="{x.place(at):.1f}" x2="{x.place(at):.1f}" '
                f'y1="{y.place(low):.1f}" y2="{y.place(high):.1f}"/>'
                for at, low, high in points
            )
        case "bars":
            return "".join(
                f'<rect class="bar {style}" x="{x.place(left):.1f}" '
                f'width="{max(x.place(right) - x.place(left) - 0.6, 0.5):.1f}" '
                f'y="{y.place(height):.1f}" height="{max(y.place(0.0) - y.place(height), 0.0):.1f}"/>'
                for left, right, height in points
            )


def _bar(bar: Bar, x: Axis, middle: float, *, is_range: bool) -> str:
    zero, end = x.place(0.0), x.place(bar.value)
    parts = [
        f'<text class="strong" x="{LABEL_ROOM - 8}" y="{middle + 4:.1f}" text-anchor="end">'
        f"{html.escape(short(bar.name))}<title>{html.escape(bar.name)}</title></text>"
    ]
    if is_range:
        parts.append(f'<circle class="dot a" cx="{end:.1f}" cy="{middle:.1f}" r="4"/>')
    else:
        parts.append(
            f'<rect class="bar a" x="{min(zero, end):.1f}" width="{abs(end - zero):.1f}" '
            f'y="{middle - 7:.1f}" height="14"/>'
        )
    if bar.low is not None and bar.high is not None:
        style = "whisker a" if is_range else "whisker zero"
        parts.append(
            f'<line class="{style}" x1="{x.place(bar.low):.1f}" x2="{x.place(bar.high):.1f}" '
            f'y1="{middle:.1f}" y2="{middle:.1f}"/>'
        )
    return "".join(parts)


def _mark(at: float, text: str, x: Axis, frame: Frame, number: int) -> str:
    place = x.place(at)
    side, shift = ("end", -5) if place > (frame.left + frame.end) / 2 else ("start", 5)
    return (
        f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{frame.top}" '
        f'y2="{frame.floor}"/>'
        f'<text class="strong" x="{place + shift:.1f}" y="{frame.top + 13 + 15 * number}" '
        f'text-anchor="{side}">{html.escape(text)}</text>'
    )
