"""The first parts of a training report: verdict, findings, and what columns are for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mlwright.deliverables.report_facts import Facts, find, items
from mlwright.deliverables.report_page import Section, escape, interval, number, table

MOST_FINDINGS = 60
MOST_COLUMNS = 60
MOST_LETTERS = 300  # of a piece of evidence
ORDER = ("blocking", "warning", "info")


def summary(facts: Facts) -> str:
    """Say in a sentence what was made of what; HTML."""
    metric = str(facts["metric"])
    found = find(facts, "metrics", metric)
    data = find(facts, "data")
    return (
        f"A {escape(facts['kept'])} model ({escape(facts['task'])}) that predicts "
        f"<b>{escape(facts['label'])}</b> from {number(data.get('inputs'))} columns, trained on "
        f"{number(data.get('train_rows'))} rows. On {number(data.get('test_rows'))} rows held out, "
        f"{escape(metric)} is <b>{interval(found)}</b>."
    )


def verdict_section(facts: Facts) -> Section:
    """Show what the gates were asked and what they answered, and all metrics."""
    rows = []
    for gate in items(facts.get("gates")):
        rows += _gate_rows(gate)
    gates = table(["gate", "question", "found", "answer"], rows) if rows else "<p>No gate is set.</p>"
    metrics = [
        [name, number(item.get("value")), f"{number(item.get('low'))} … {number(item.get('high'))}"]
        for name, item in find(facts, "metrics").items()
        if isinstance(item, dict) and name != "ndcg"
    ]
    ranking = find(facts, "ranking")
    if ranking:
        found = find(ranking, "ndcg")
        name = f"ndcg of the first {number(ranking.get('places'))}, {number(ranking.get('judged'))} lists"
        metrics.append(
            [name, number(found.get("value")), f"{number(found.get('low'))} … {number(found.get('high'))}"]
        )
        metrics.append(["ndcg without any order", number(ranking.get("unordered")), ""])
    held_out = table(
        ["metric", "held out", "95 % interval"],
        metrics,
        caption="On the held-out rows, which no choice has seen",
        numbers=(1, 2),
    )
    return Section("verdict", "Verdict", f"{gates}{held_out}{_confusion(facts)}")


def findings_section(facts: Facts) -> Section:
    """List what was noticed, the worst first, each with what to do about it."""
    found = sorted(items(facts.get("findings")), key=lambda item: ORDER.index(str(item["severity"])))
    lines = [
        f'<li><b class="{escape(item["severity"])}">{escape(item["severity"])}</b> '
        f"<code>{escape(item.get('key', item['name']))}</code> {escape(item['text'])}"
        + (f'<br><span class="soft">{escape(item["advice"])}</span>' if item.get("advice") else "")
        + f"{_evidence(find(item, 'evidence'))}</li>"
        for item in found[:MOST_FINDINGS]
    ]
    if len(found) > MOST_FINDINGS:
        lines.append(f"<li>{len(found) - MOST_FINDINGS} more are in report.json</li>")
    body = f'<ul class="notes">{"".join(lines)}</ul>' if lines else "<p>Nothing was noticed.</p>"
    return Section("findings", "What was noticed", body)


def roles_section(facts: Facts) -> Section:
    """Say what each column is for, and why where nobody said so."""
    rows = [
        [item.get("role"), item.get("column"), item.get("reason") or ""] for item in items(facts.get("roles"))
    ]
    types = find(facts, "data", "types")
    said = ", ".join(f"{number(count)} {kind}" for kind, count in types.items())
    more = ""
    if len(rows) > MOST_COLUMNS:
        more = f"<p>{len(rows) - MOST_COLUMNS} more are in report.json.</p>"
    body = f"<p>Inputs of the model: {escape(said)}. All others have a role or are ignored.</p>"
    return Section(
        "roles",
        "What columns are for",
        body + table(["role", "column", "why"], rows[:MOST_COLUMNS]) + more,
    )


def _evidence(evidence: Mapping[str, object]) -> str:
    """Give the numbers behind a finding, which open; long ones are in report.json."""
    if not evidence:
        return ""
    rows = [[name.replace("_", " "), _short(value)] for name, value in evidence.items()]
    return f"<details><summary>Evidence</summary>{table(['what', 'value'], rows)}</details>"


def _short(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}… (more in report.json)"


def _gate_rows(gate: Mapping[str, object]) -> list[list[object]]:
    evidence = find(gate, "evidence")
    questions = find(evidence, "questions")
    rows: list[list[object]] = []
    for name, asked in questions.items():
        if not isinstance(asked, dict):
            continue
        if "text" in asked:
            rows.append([gate["gate"], name, asked["text"], asked.get("answer", gate.get("answer"))])
            continue
        bound = asked.get("limit", asked.get("tolerance"))
        question = f"{evidence.get('metric', '')} {name.replace('_', ' ')} {number(bound)}".strip()
        rows.append([gate["gate"], question, interval(asked), asked.get("answer")])
    if not rows and evidence.get("metric") == "findings":
        return [[gate["gate"], "findings that block", "none", gate.get("answer")]]
    return rows or [[gate["gate"], "asks nothing", "", gate.get("answer")]]


def _confusion(facts: Facts) -> str:
    cells = find(facts, "confusion")
    classes, rows = cells.get("classes"), cells.get("rows")
    if not isinstance(classes, list) or not isinstance(rows, list) or len(classes) > 20:
        return ""
    threshold = facts.get("threshold")
    at = f" at the threshold {number(threshold)}" if threshold is not None else ""
    return table(
        ["actual \\ predicted", *map(str, classes)],
        [[str(name), *(number(count) for count in row)] for name, row in zip(classes, rows, strict=True)],
        caption=f"Held-out rows by actual and predicted class{at}",
        numbers=range(1, len(classes) + 1),
    )
