"""What charts have in common: axes with ticks and names, a legend, a named and described drawing."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlwright.deliverables.axis import Axis

LETTER = 6.6  # pixels of a letter, about
NAME_ROOM = 28  # pixels of a legend's line and the gap behind it


@dataclass(frozen=True)
class Frame:
    """The size of a drawing, and the room around what stands between the axes."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int

    @property
    def end(self) -> int:
        """Give the pixel at which the x axis ends."""
        return self.width - self.right

    @property
    def floor(self) -> int:
        """Give the pixel on which the x axis lies."""
        return self.height - self.bottom


@dataclass(frozen=True)
class Scale:
    """An axis, its name, and how its ticks are written."""

    axis: Axis
    name: str
    text: Callable[[float], str]


def draw_axes(frame: Frame, x: Scale, y: Scale) -> str:
    """Draw a grid with the ticks and names of both axes."""
    parts = []
    for tick in y.axis.ticks():
        at = y.axis.place(tick)
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{frame.end}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{frame.left - 7}" y="{at + 4:.1f}" text-anchor="end">{y.text(tick)}</text>'
        )
    for tick in x.axis.ticks():
        at, text = x.axis.place(tick), x.text(tick)
        side = "end" if at + LETTER * len(text) / 2 > frame.width else "middle"
        parts.append(
            f'<line class="grid" y1="{frame.top}" y2="{frame.floor}" x1="{at:.1f}" x2="{at:.1f}"/>'
            f'<text x="{at:.1f}" y="{frame.floor + 17}" text-anchor="{side}">{text}</text>'
        )
    middle, height = (frame.left + frame.end) / 2, (frame.top + frame.floor) / 2
    parts.append(
        f'<text x="{middle:g}" y="{frame.height - 11}" text-anchor="middle">{html.escape(x.name)}</text>'
        f'<text transform="translate(14 {height:g}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y.name)}</text>"
    )
    return "".join(parts)


def draw_legend(frame: Frame, entries: Sequence[tuple[str, str]], at: float) -> str:
    """Draw the style of each line beside its name, in one row."""
    parts, left = [], float(frame.left)
    for style, name in entries:
        parts.append(
            f'<line class="{style}" x1="{left:.0f}" x2="{left + NAME_ROOM - 6:.0f}" y1="{at}" y2="{at}"/>'
            f'<text x="{left + NAME_ROOM:.0f}" y="{at + 4}">{html.escape(name)}</text>'
        )
        left += NAME_ROOM + 26 + LETTER * len(name)
    return "".join(parts)


def draw_page(identifier: str, title: str, description: str, size: tuple[float, float], content: str) -> str:
    """Wrap a drawing so that it is named and described to those who do not see it."""
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="{identifier}-t {identifier}-d">'
        f'<title id="{identifier}-t">{html.escape(title)}</title>'
        f'<desc id="{identifier}-d">{html.escape(description)}</desc>{content}</svg>'
    )
