"""Which version deserves a trial on real traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mlwright.deployment import has_rolled_out
from mlwright.project import Project
from mlwright.registry import Registry, Version, parse_reference

RELATIVE = "no_worse_than"


def next_candidate(project: Project, deployment: str) -> Version | None:
    """Give the candidate that is newer than the champion, allowed a trial by its gates, never tried here."""
    served = parse_reference(project.config.deployment[deployment].model)
    registry = Registry(project.database)
    champion, candidate = (registry.alias(served.name, alias) for alias in ("champion", "candidate"))
    if served.at != "champion" or champion is None or candidate is None:
        return None
    if candidate.number <= champion.number:
        return None
    if not deserves_trial(candidate.verdict, kept_gates(project, candidate)):
        return None
    tried = has_rolled_out(
        project.database, deployment=deployment, model=candidate.name, candidate=candidate.number
    )
    return None if tried else candidate


def deserves_trial(verdict: str, gates: Sequence[object]) -> bool:
    """Tell whether every absolute gate passed and no gate failed.

    Whether it is as good as the champion may be undecided on held-out rows: a trial decides that better.
    `gates` are the answers that the evaluation kept in the package.
    """
    if verdict == "pass":
        return True
    return verdict == "inconclusive" and bool(gates) and all(_allows_trial(gate) for gate in gates)


def kept_gates(project: Project, version: Version) -> list[object]:
    """Give the answers of gates that the evaluation in the package of a version keeps."""
    path = project.packages / version.digest / "evaluation.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("gates")
    except FileNotFoundError:
        return []
    return found if isinstance(found, list) else []


def _allows_trial(gate: object) -> bool:
    if not isinstance(gate, Mapping):
        return False
    if gate.get("answer") == "pass":
        return True
    evidence = gate.get("evidence")
    questions = evidence.get("questions") if isinstance(evidence, Mapping) else None
    if not isinstance(questions, Mapping) or not questions:
        return False
    return all(_answer(found) in _allowed(name) for name, found in questions.items())


def _answer(found: object) -> object:
    return found.get("answer") if isinstance(found, Mapping) else None


def _allowed(question: str) -> tuple[str, ...]:
    return ("pass", "inconclusive") if question == RELATIVE else ("pass",)
