"""The generated part of a page, between markers."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- results: written by run.py, do not edit -->", "<!-- end of results -->"


def write_between_markers(page: Path, generated: str) -> None:
    """Replace what stands between the markers of a page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{generated}\n{END}{after}", encoding="utf-8")
