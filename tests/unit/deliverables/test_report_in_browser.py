"""The report as a browser shows it: without faults, on a wide and a narrow screen, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.deliverables.browser import look
from tests.unit.deliverables.reported import reported

KINDS = ("binary", "multiclass", "regression")
NARROW = 500  # a headless window is never narrower


@pytest.mark.slow
@pytest.mark.promise("report.page")
@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_without_network_shows_the_whole_page(tmp_path: Path, kind: str) -> None:
    page = reported(tmp_path / "run", kind).report
    assert look(page, tmp_path, asks=False).faults == []
    for width in (1100, NARROW):
        seen = look(page, tmp_path, width=width)
        assert seen.faults == []
        assert (seen.facts["wide"], seen.facts["texts"], seen.facts["requests"]) == ([], [], 0)
        assert seen.facts["scroll"] == seen.facts["width"]
        heights = seen.facts["charts"]
        assert isinstance(heights, list)
        assert len(heights) >= 5
        assert min(heights) > 40
    dark = look(page, tmp_path, is_dark=True).facts
    assert (dark["ink"], dark["page"]) == ("rgb(232, 234, 237)", "rgb(21, 24, 28)")


@pytest.mark.slow
def test_the_browser_tells_a_page_that_asks_for_more_and_does_not_fit(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><meta charset="utf-8"><body><img src="http://example.invalid/a.png">'
        '<p style="width:3000px">wide</p>'
        '<svg width="50" height="50"><text x="40" y="20">too long</text></svg>'
        "<script>nothing()</script></body>"
    )
    seen = look(page, tmp_path)
    assert any("nothing is not defined" in line for line in seen.faults)
    assert "P" in str(seen.facts["wide"])
    assert seen.facts["texts"] == ["too long"]
    assert seen.facts["requests"] == 1
    scroll, wide = seen.facts["scroll"], seen.facts["width"]
    assert scroll != wide
