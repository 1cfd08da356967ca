"""A page that stands alone: no script, no network; light and dark, on screen and on paper."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from mlwright.deliverables.charts import CHART_STYLE

STYLE = """
:root{color-scheme:light dark;--ink:#1a1d21;--soft:#565f6b;--line:#dfe3e8;--page:#fff;--panel:#f6f7f9;
--a:#2f6db3;--b:#d1700f;--c:#3d8b3d;--good:#23752c;--bad:#b3261e;--unsure:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a9b1bb;--line:#363c43;--page:#15181c;
--panel:#1d2126;--a:#6ba6e8;--b:#f0a04b;--c:#7fc77f;--good:#7fc77f;--bad:#f28b82;--unsure:#f0c04b}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#ccc;--page:#fff;--panel:#fff;--a:#2f6db3;
--b:#d1700f;--c:#3d8b3d;--good:#23752c;--bad:#b3261e;--unsure:#8a5a00}nav{display:none}
figure,table{break-inside:avoid}details::details-content{content-visibility:visible;block-size:auto}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}main,header,nav{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:26px}h1{font-size:26px;margin:0}h2{font-size:20px;margin:36px 0 8px;
border-top:1px solid var(--line);padding-top:18px}h3{font-size:16px;margin:20px 0 6px}
p{margin:6px 0;max-width:76ch}nav ul{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;padding:0;
font-size:14px}a{color:var(--a)}.soft{color:var(--soft)}.pass{color:var(--good)}.fail,.blocking{color:var(--bad)}
.inconclusive,.warning{color:var(--unsure)}.badge{font-weight:600;border:1px solid;border-radius:6px;
padding:1px 8px;font-size:14px;vertical-align:middle}.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;
min-width:min(340px,100%);font-size:13.5px;margin:8px 0}caption{text-align:left;color:var(--soft);
padding-bottom:4px}th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);
vertical-align:top;overflow-wrap:anywhere}th{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;
overflow-wrap:normal}figure{margin:12px 0}.pair{display:grid;gap:8px 28px;
grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));align-items:start}
figcaption{font-size:14px;color:var(--soft);max-width:70ch}figcaption b{color:var(--ink)}
summary{cursor:pointer;color:var(--soft);font-size:13.5px}ul.notes{padding-left:20px;max-width:84ch}
.notes li{margin:6px 0}code{font-size:13px;background:var(--panel);padding:1px 4px;border-radius:4px}
"""


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading."""

    identifier: str
    title: str
    body: str


def render_page(title: str, top: str, sections: Sequence[Section]) -> str:
    """Give the whole page; the browser is told to load nothing."""
    links = "".join(f'<li><a href="#{one.identifier}">{escape(one.title)}</a></li>' for one in sections)
    body = "".join(
        f'<section aria-labelledby="{one.identifier}"><h2 id="{one.identifier}">{escape(one.title)}</h2>'
        f"{one.body}</section>"
        for one in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE}{CHART_STYLE}</style></head>"
        f'<body><header>{top}</header><nav aria-label="Parts of this page"><ul>{links}</ul></nav>'
        f"<main>{body}</main></body></html>\n"
    )


def escape(value: object) -> str:
    """Give a value as text of a page."""
    return html.escape(str(value))


def number(value: object) -> str:
    """Write a number in four digits; a dash for none.

    >>> number(0.123456), number(12345), number(None)
    ('0.1235', '12,345', '–')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    )


def interval(item: object) -> str:
    """Write a value with its 95 % interval.

    >>> interval({"value": 0.5, "low": 0.4, "high": 0.6})
    '0.5 [0.4, 0.6]'
    """
    if not isinstance(item, dict):
        return "–"
    if item.get("low") is None:
        return number(item.get("value"))
    return f"{number(item.get('value'))} [{number(item['low'])}, {number(item['high'])}]"


def table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", numbers: Sequence[int] = ()
) -> str:
    """Give a table; cells are escaped, and those of columns in `numbers` stand to the right."""
    style = [' class="n"' if place in numbers else "" for place in range(len(header))]
    head = "".join(f'<th scope="col"{style[at]}>{escape(name)}</th>' for at, name in enumerate(header))
    body = "".join(
        "<tr>" + "".join(f"<td{style[at]}>{escape(cell)}</td>" for at, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def figure(drawing: str, caption: str, numbers: str = "") -> str:
    """Give a chart with what it says, and its numbers as a table that opens; the caption is HTML."""
    below = f"<details><summary>Numbers</summary>{numbers}</details>" if numbers else ""
    return f"<figure>{drawing}<figcaption>{caption}</figcaption>{below}</figure>"


def pair(*figures: str) -> str:
    """Put figures side by side where there is room."""
    return f'<div class="pair">{"".join(figures)}</div>'
