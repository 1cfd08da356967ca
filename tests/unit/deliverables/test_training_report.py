"""The report of a run: one page that needs nothing else, and its facts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mlwright.commands.model_report import ModelReportRequest, model_report
from mlwright.commands.run import RunResult
from mlwright.deliverables import read_report_facts, render_training_report
from mlwright.errors import DataError, ReportMissing, UsageError
from mlwright.project import find_project
from tests.unit.deliverables.reported import CLASSES, ODD_NAME, reported

KINDS = ("binary", "multiclass", "regression")
VOID = {"meta", "link", "br", "img", "input", "hr"}
Report = Callable[[str], RunResult]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Give the run of a kind, made once."""
    made: dict[str, RunResult] = {}

    def of(kind: str) -> RunResult:
        if kind not in made:
            made[kind] = reported(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return of


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed; remembers tags, attributes and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def facts_of(result: RunResult) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(result.report.with_name("report.json").read_bytes())
    return facts


@pytest.mark.promise("report.page")
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_no_network_and_no_script_and_names_its_charts(report: Report, kind: str) -> None:
    text = report(kind).report.read_text()
    page = Page(text)
    assert not page.of("script")
    assert {attributes.get("href", "")[:1] for attributes in page.of("a")} == {"#"}
    assert not [a for _, a in page.tags if "src" in a or any(name.startswith("on") for name in a)]
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http-equiv", "")
    assert not re.search(r"\b(nan|None|inf|Infinity)\b", " ".join(page.words))
    assert len(text) < 400_000
    identifiers = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(identifiers) == len(set(identifiers))
    assert len(page.of("svg")) >= 5
    for drawing in page.of("svg"):
        assert drawing["role"] == "img"
        assert set(str(drawing["aria-labelledby"]).split()) <= set(identifiers)
    assert all(a["href"] in {f"#{name}" for name in identifiers} for a in page.of("a"))
    headings = (
        "Verdict",
        "What was noticed",
        "What columns are for",
        "How it was validated",
        "What the model looks at",
    )
    assert set(headings) <= set(page.words)


@pytest.mark.promise("report.page")
def test_names_and_values_of_the_table_are_text_and_never_tags(report: Report) -> None:
    text = report("binary").report.read_text()
    assert ODD_NAME not in text
    assert "<i>b</i>" not in text
    assert "&lt;b&gt;tag &amp;" in text
    assert ODD_NAME in {
        one["column"] for one in facts_of(report("binary"))["explanation"]["importance"]["columns"]
    }


@pytest.mark.promise("report.facts")
@pytest.mark.parametrize("kind", KINDS)
def test_facts_tell_the_column_that_matters_from_the_one_that_is_idle(report: Report, kind: str) -> None:
    facts = facts_of(report(kind))
    explanation = facts["explanation"]
    importance = {one["column"]: one for one in explanation["importance"]["columns"]}
    assert importance["x"]["low"] > 0
    assert importance["x"]["value"] > 10 * abs(importance["idle"]["value"])
    contributions = [one["column"] for one in explanation["contributions"]["columns"]]
    assert contributions[0] == "x"
    assert explanation["learning_curve"]["points"]
    assert explanation["skipped"] == {}
    assert explanation["folds"]["parts"]
    assert facts["provenance"]["seed"] == 7
    assert facts["provenance"]["libraries"]["lightgbm"]
    assert facts["roles"][0]["column"] == {"binary": "won", "multiclass": "label"}.get(kind, "price")


@pytest.mark.promise("report.page")
def test_many_classes_are_shown_by_the_commonest(report: Report) -> None:
    answers = facts_of(report("multiclass"))["explanation"]["answers"]
    assert answers["classes"] == CLASSES
    assert len(answers["by_class"]) == 20
    sizes = [one["rows"] for one in answers["by_class"]]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.promise("report.facts")
def test_equal_trials_give_equal_facts_apart_from_clocks(report: Report, tmp_path: Path) -> None:
    def told(result: RunResult) -> str:
        text = result.report.with_name("report.json").read_text()
        return re.sub(r'"cpu_seconds": [0-9.e-]+', "", text)

    first = report("binary").report.parents[3]
    again = reported(tmp_path / "again", "binary", first.parent / "binary.parquet")
    assert told(again) == told(report("binary"))
    assert again.report.read_bytes() == report("binary").report.read_bytes()


@pytest.mark.promise("report.cost")
def test_what_a_small_budget_leaves_out_is_said(tmp_path: Path) -> None:
    result = reported(tmp_path, "binary", budget_cpu_s=0.5)
    skipped = facts_of(result)["explanation"]["skipped"]
    assert "learning curve" in skipped
    assert "Left out: " in result.report.read_text()
    assert "Would more rows help" not in result.report.read_text()


@pytest.mark.promise("report.page")
def test_a_report_is_written_again_from_its_facts(report: Report, tmp_path: Path) -> None:
    result = report("regression")
    project = result.report.parents[3]
    before = result.report.read_bytes()
    result.report.unlink()
    again = model_report(ModelReportRequest(project, "demo"))
    assert (again.page, again.page.read_bytes()) == (result.report, before)
    elsewhere = tmp_path / "sub" / "page.html"
    assert model_report(ModelReportRequest(project, "demo@1", elsewhere)).page.read_bytes() == before
    with pytest.raises(UsageError, match=r"\.txt"):
        model_report(ModelReportRequest(project, "demo@1", tmp_path / "page.txt"))


def test_damaged_and_missing_facts_are_told_apart(report: Report, tmp_path: Path) -> None:
    source = report("regression").report.parents[3]
    copied = tmp_path / "copy"
    shutil.copytree(source, copied)
    facts = find_project(copied).reports / report("regression").digest / "report.json"
    facts.write_text("{")
    with pytest.raises(DataError, match="damaged"):
        model_report(ModelReportRequest(copied, "demo"))
    facts.write_text("{}")
    with pytest.raises(DataError, match="format 1"):
        read_report_facts(facts)
    facts.unlink()
    with pytest.raises(ReportMissing):
        model_report(ModelReportRequest(copied, "demo"))


def test_a_page_of_few_facts_is_a_page() -> None:
    few = {
        "format": 1,
        "reference": "a@1",
        "task": "binary",
        "kept": "linear",
        "label": "y",
        "metric": "auc",
        "verdict": "fail",
        "split": "none",
        "digest": "0",
    }
    assert "a@1 " in Page(render_training_report(few)).words
    ndcg = {"value": 0.8, "low": 0.7, "high": 0.9}
    finding = {
        "name": "leak.column",
        "severity": "blocking",
        "text": "x < y tells the label",
        "evidence": {"auc_alone": 0.98765432, "rows": list(range(400)), "of": None},
        "advice": "leave it out",
    }
    ranking = {"places": 10, "judged": 30, "lists": 31, "ndcg": ndcg, "unordered": 0.5}
    words = " ".join(Page(render_training_report({**few, "findings": [finding], "ranking": ranking})).words)
    for told in (
        "ndcg of the first 10, 30 lists",
        "0.7 … 0.9",
        "x < y tells the label",
        "leave it out",
        "0.9877",
    ):
        assert told in words
    assert "(more in report.json)" in words
    assert "399" not in words
