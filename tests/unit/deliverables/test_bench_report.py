from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mlwright.deliverables import BenchReport, limited_steps, summary, write_bench_report
from mlwright.deliverables.axis import duration_text, even_axis, log_axis
from mlwright.deliverables.latency_chart import draw_latency_by_percentile, draw_latency_by_rate
from mlwright.serving import Knee, LoadSettings, LoadTarget, Objective
from tests.unit.serving.load_steps import step

TARGET = LoadTarget(
    "http",
    "127.0.0.1",
    8080,
    "/v1/predict/x",
    headers=(("authorization", "Bearer s3cret"),),
    bodies=(b'{"rows": [{"name": "a person"}]}',),
)
OBJECTIVE = Objective(p99_ms=10)


def report(**changes: object) -> BenchReport:
    steps = (step(1_000), step(2_000, p99_ms=2), step(4_000, p99_ms=300, ok=0.9, limit="it was late"))
    failures = tuple(OBJECTIVE.failure(each) for each in steps)
    knee = Knee(2_000.0, 4_000.0, failures[-1], is_lower_bound=False)
    values = {
        "target": TARGET,
        "settings": LoadSettings(),
        "objective": OBJECTIVE,
        "steps": steps,
        "failures": failures,
        "knee": knee,
    }
    return BenchReport(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.promise("bench.report")
def test_a_report_is_a_page_with_charts_and_numbers_and_holds_no_secret(tmp_path: Path) -> None:
    page = write_bench_report(report(), tmp_path / "bench")
    text = page.read_text()
    assert page == tmp_path / "bench" / "report.md"
    assert "**2,000 requests/s** hold a p99 of at most 10 ms" in text
    for line in ("| 4,000 |", "processor", "64", "seed 7", "µs/request", "status 503", "it was late"):
        assert line in text
    images = re.findall(r"!\[.+\]\((.+)\)", text)
    assert images == ["report-by-rate.svg", "report-by-percentile.svg"]
    for name in images:
        ET.fromstring((page.parent / name).read_text())
    numbers = json.loads((page.parent / "report.json").read_text())
    assert [each["rate"] for each in numbers["steps"]] == [1_000, 2_000, 4_000]
    assert numbers["knee"]["rate"] == 2_000
    everything = "".join(path.read_text() for path in page.parent.iterdir())
    assert "s3cret" not in everything
    assert "a person" not in everything


def test_a_report_of_one_rate_has_its_own_file_and_the_distribution_only(tmp_path: Path) -> None:
    one = report(steps=(step(1_000),), failures=(None,), knee=None, objective=None)
    page = write_bench_report(one, tmp_path / "today.md")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "today-by-percentile.svg",
        "today.json",
        "today.md",
    ]
    assert "objective" not in page.read_text()


def test_the_summary_says_what_was_found() -> None:
    bound = Knee(2_000.0, 4_000.0, "x", is_lower_bound=True)
    assert "may hold more" in summary(report(knee=bound))
    assert summary(report(knee=Knee(None, 1.0, "all wrong", is_lower_bound=False))).startswith(
        "**No rate held**"
    )
    missed = report(steps=(step(9, p99_ms=20),), failures=("too slow",), knee=None)
    assert "**The objective is not held:** too slow." in summary(missed)
    assert limited_steps(report().steps) == "At 4,000/s it was late"
    assert limited_steps(report().steps[:2]) is None


def test_every_line_of_a_chart_stays_inside_and_rises_with_the_latency() -> None:
    chart = draw_latency_by_rate(report().steps, objective=OBJECTIVE, knee=report().knee)
    root = ET.fromstring(chart)
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 5
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) == 3
        assert all(0 < x < width and 0 < y < height for x, y in points)
        assert points[0][0] < points[1][0] < points[2][0]
        assert points[0][1] > points[1][1] > points[2][1]
    texts = "".join(root.itertext())
    for word in ("knee 2,000/s", "p99 objective 10 ms", "offered rate (requests/s)", "p99.9", "1 ms"):
        assert word in texts


def test_the_name_of_the_objective_stays_clear_of_the_legend() -> None:
    for p99_ms in (0.001, 10, 500, 1e5):
        chart = draw_latency_by_rate(report().steps, objective=Objective(p99_ms=p99_ms))
        notes = [node for node in ET.fromstring(chart).iter() if node.attrib.get("class") == "note"]
        assert all(float(node.attrib["y"]) > 75 for node in notes)
        assert len(notes) == 1


def test_a_chart_of_nothing_answered_is_still_a_chart() -> None:
    silent = step(1_000, ok=0)
    empty = silent.shed
    from dataclasses import replace

    silent = replace(silent, latency=empty, service=empty)
    ET.fromstring(draw_latency_by_percentile(silent))
    ET.fromstring(draw_latency_by_rate([silent, replace(silent, rate=2_000.0)]))


def test_axes_end_on_round_values_and_their_ticks_are_few() -> None:
    axis = log_axis([130, 27_300], 100, 0)
    assert (axis.lowest, axis.highest) == (100, 50_000)
    assert (axis.place(100), axis.place(50_000), axis.place(1e9)) == (100, 0, 0)
    even = even_axis([1_000, 43_000], 0, 100)
    assert (even.lowest, even.highest) == (0, 50_000)
    for values in ([1, 1.01], [3, 900_000], [0.2, 7], [5, 5]):
        assert 2 <= len(log_axis(values, 0, 1).ticks()) <= 10
        assert 4 <= len(even_axis(values, 0, 1).ticks()) <= 10
    assert [duration_text(value) for value in (0.5, 999.7, 1_234, 2e6)] == [
        "0.5 µs",
        "1 ms",
        "1.23 ms",
        "2 s",
    ]
