"""Findings that stop a promotion, as a gate beside those of the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlwright.errors import VersionBlocked
from mlwright.lifecycle.candidate import kept_gates
from mlwright.project import Project
from mlwright.registry import Version

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

CHECKS_GATE = "checks"


def judge_findings(findings: object) -> dict[str, JSON]:
    """Fail when a finding blocks, with each of them as a question that failed.

    >>> judge_findings([{"key": "leak.column:x", "severity": "blocking", "text": "x tells it"}])["answer"]
    'fail'
    """
    found = [item for item in findings if isinstance(item, Mapping)] if isinstance(findings, list) else []
    blocking = [item for item in found if item.get("severity") == "blocking"]
    questions: dict[str, JSON] = {
        str(item["key"]): {"answer": "fail", "text": str(item["text"])} for item in blocking
    }
    evidence: JSON = {"metric": "findings", "rows": len(found), "questions": questions}
    return {"gate": CHECKS_GATE, "answer": "fail" if blocking else "pass", "evidence": evidence}


def blocking_keys(gates: object) -> list[str]:
    """Name the findings that block, from the answers of gates that a version keeps."""
    for gate in gates if isinstance(gates, list) else []:
        if isinstance(gate, Mapping) and gate.get("gate") == CHECKS_GATE and gate.get("answer") == "fail":
            evidence = gate.get("evidence")
            questions = evidence.get("questions") if isinstance(evidence, Mapping) else None
            return [str(name) for name in questions] if isinstance(questions, Mapping) else []
    return []


def refuse_blocked(project: Project, version: Version, *, reason: str | None) -> None:
    """Raise `VersionBlocked` for a version with blocking findings, unless somebody says why it may go on."""
    blocked = blocking_keys(kept_gates(project, version))
    if not blocked or reason:
        return
    raise VersionBlocked(
        f"{version.reference} is blocked by {', '.join(blocked)}",
        hint="mend the data and run again, list the finding under `accept` in [checks], "
        "or say with `--reason` why it may go on; the reason is kept",
        findings=blocked,
    )
