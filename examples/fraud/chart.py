"""report.html: one page with one chart, without scripts and without anything loaded from elsewhere."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

from performance import Period
from report import Moment, Report

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 360, 46, 16, 74, 34
STYLE = """
:root{color-scheme:light dark;--ink:#1a1d21;--soft:#6b7280;--line:#d6d9de;--card:#f5f6f8;--page:#fff;
--main:#1f6feb;--second:#b26a00;--mark:#8b919b}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa0a6;--line:#3a3f45;--card:#22262b;
--page:#16191d;--main:#6ea8fe;--second:#e0a458;--mark:#7d848e}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1000px;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 .3rem}p{color:var(--soft);margin:.2rem 0 1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:1rem 0}
.tile{background:var(--card);border-radius:8px;padding:10px 14px}.tile b{display:block;font-size:1.35rem}
.tile span{color:var(--soft);font-size:.85rem}
svg{width:100%;height:auto}text{fill:var(--soft);font-size:12px}.label{fill:var(--ink)}
.grid{stroke:var(--line);stroke-width:1}.mark{stroke:var(--mark);stroke-dasharray:3 4}
.main{fill:none;stroke:var(--main);stroke-width:2.5}.second{fill:none;stroke:var(--second);stroke-width:1.5}
table{border-collapse:collapse;width:100%}td{padding:4px 10px 4px 0;border-top:1px solid var(--line)}
td:first-child{white-space:nowrap;color:var(--soft)}
"""


def render(report: Report) -> str:
    """Give the page."""
    tiles = [
        (f"{report.before.average_precision:.2f}", "average precision before"),
        (f"{report.worst.average_precision:.2f}", "at the worst, under the new scheme"),
        (f"{report.after.average_precision:.2f}", "after the loop renewed the model"),
        (f"{report.requests:,}", "requests served"),
        (f"{report.failures}", "failed"),
        (f"{report.refused_by_contract:,}", "refused by the data contract"),
        (f"{report.seconds:.0f} s", "from an empty folder to here"),
    ]
    shown = "".join(f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for value, name in tiles)
    rows = "".join(
        f"<tr><td>day {moment.day:.1f}</td><td>{html.escape(moment.text)}</td></tr>"
        for moment in report.moments
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Fraud detection that renews itself</title><style>{STYLE}</style></head><body>
<h1>Fraud detection that renews itself</h1>
<p>{report.rows:,} simulated transactions, seed {report.seed}. Three-day windows, measured against the truth
that nobody knew at the time.</p>
<div class="tiles">{shown}</div>
{draw_chart(report.daily, report.moments)}
<table>{rows}</table>
</body></html>
"""


def draw_chart(daily: Sequence[Period], moments: Sequence[Moment]) -> str:
    """Draw average precision and recall by day, with a mark for each turn of the story."""
    first = daily[0].end - 1
    last = max(daily[-1].end, *(moment.day for moment in moments if moment.kind in SHORT))
    across = (WIDTH - LEFT - RIGHT) / (last - first)

    def x(day: float) -> float:
        return LEFT + (day - first) * across

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    def line(values: Sequence[tuple[float, float]], name: str) -> str:
        points = " ".join(f"{x(day):.1f},{y(value):.1f}" for day, value in values if not math.isnan(value))
        return f'<polyline class="{name}" points="{points}"/>'

    grid = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.1f}</text>'
        for v in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    days = "".join(
        f'<text x="{x(day):.1f}" y="{HEIGHT - 12}" text-anchor="middle">day {day}</text>'
        for day in range(10 * math.ceil(first / 10), int(last) + 1, 10)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="average precision and recall by day">'
        f"{grid}{days}{_marks(moments, x)}"
        f"{line([(p.end - 0.5, p.recall) for p in daily], 'second')}"
        f"{line([(p.end - 0.5, p.average_precision) for p in daily], 'main')}"
        f'<line class="main" x1="{LEFT}" x2="{LEFT + 24}" y1="10" y2="10"/>'
        f'<text x="{LEFT + 30}" y="14">average precision</text>'
        f'<line class="second" x1="{LEFT + 160}" x2="{LEFT + 184}" y1="10" y2="10"/>'
        f'<text x="{LEFT + 190}" y="14">recall at the alert threshold</text></svg>'
    )


SHORT = {
    "corrupted": "corrupted day",
    "scheme": "new scheme",
    "alert": "alert",
    "run": "retraining",
    "canary": "canary",
    "champion": "new champion",
    "rollback": "rollback",
}


def _marks(moments: Sequence[Moment], place: Callable[[float], float]) -> str:
    """Draw one dashed line per turn, labels on three levels so that near ones do not cover each other."""
    shown = [moment for moment in moments if moment.kind in SHORT]
    parts = []
    for at, moment in enumerate(shown):
        where, level = place(moment.day), 30 + 14 * (at % 3)
        side = "end" if where > WIDTH - 110 else "start"
        parts.append(
            f'<line class="mark" x1="{where:.1f}" x2="{where:.1f}" y1="{level + 3}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="label" x="{where + (-3 if side == "end" else 3):.1f}" y="{level}"'
            f' text-anchor="{side}">{SHORT[moment.kind]}</text>'
        )
    return "".join(parts)
