"""The report of a training run: one page that opens offline, and the same facts as JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlwright.deliverables.report_answers import answers_section
from mlwright.deliverables.report_choice import choice_section, validation_section
from mlwright.deliverables.report_columns import columns_section
from mlwright.deliverables.report_facts import find
from mlwright.deliverables.report_page import escape, render_page
from mlwright.deliverables.report_parts import more_rows_section, origin_section, slices_section
from mlwright.deliverables.report_verdict import findings_section, roles_section, summary, verdict_section
from mlwright.errors import DataError
from mlwright.store import write_atomic

PAGE_NAME, FACTS_NAME = "report.html", "report.json"


def write_training_report(facts: Mapping[str, object], folder: Path) -> Path:
    """Write page and facts into a folder; give the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False)
    write_atomic(folder / FACTS_NAME, (text + "\n").encode())
    page = folder / PAGE_NAME
    write_atomic(page, render_training_report(facts).encode())
    return page


def read_report_facts(path: Path) -> dict[str, object]:
    """Read the facts of a report. Raises `DataError` for a file that holds none of this format."""
    try:
        facts = json.loads(path.read_bytes())
    except ValueError as cause:
        raise DataError(
            f"{str(path)!r} is damaged", hint="remove it and write it again: `mlwright run`"
        ) from cause
    if not isinstance(facts, dict) or facts.get("format") != 1:
        raise DataError(
            f"{str(path)!r} holds no report of format 1", hint="remove it and write it again: `mlwright run`"
        )
    return facts


def render_training_report(facts: Mapping[str, object]) -> str:
    """Give the page: the verdict first, then what it rests on."""
    sections = [
        verdict_section(facts),
        findings_section(facts),
        roles_section(facts),
        validation_section(facts),
        choice_section(facts),
        answers_section(facts),
        columns_section(facts),
        slices_section(facts),
        more_rows_section(facts),
        origin_section(facts),
    ]
    reference = str(facts["reference"])
    verdict = str(facts["verdict"])
    top = (
        f'<h1>{escape(reference)} <span class="badge {escape(verdict)}">{escape(verdict)}</span></h1>'
        f"<p>{summary(facts)}</p>{_skipped(facts)}"
    )
    return render_page(f"{reference}: report", top, [section for section in sections if section.body])


def _skipped(facts: Mapping[str, object]) -> str:
    skipped = find(facts, "explanation", "skipped")
    if not skipped:
        return ""
    said = "; ".join(f"{name}: {why}" for name, why in skipped.items())
    return f'<p class="soft">Left out: {escape(said)}.</p>'
