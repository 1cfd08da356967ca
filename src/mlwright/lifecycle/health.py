"""What the control loop found at its last look, for `mlwright status`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlwright.deployment import Evidence
from mlwright.lifecycle.watch import Seen
from mlwright.monitoring import Judgement
from mlwright.project import Project
from mlwright.statistics import Stratum
from mlwright.store import now_text, write_atomic


@dataclass(frozen=True)
class Health:
    """Problems by ring of the loop, and what each deployment's log says."""

    at: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    deployments: dict[str, dict[str, object]] = field(default_factory=dict)


def health_path(project: Project) -> Path:
    """Tell where the control loop leaves its findings."""
    return project.run_folder / "health.json"


def write_health(project: Project, problems: dict[str, str], seen: dict[str, Seen]) -> None:
    """Leave the findings for other processes."""
    found = Health(now_text(), problems, {name: describe(item) for name, item in seen.items()})
    text = json.dumps(dataclasses.asdict(found), allow_nan=False, default=str)
    write_atomic(health_path(project), text.encode())


def read_health(project: Project) -> Health | None:
    """Read the findings of the loop's last look."""
    try:
        return Health(**json.loads(health_path(project).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def last_seen(health: Health, deployment: str) -> Seen | None:
    """Give what the loop saw of a deployment at its last look."""
    found = health.deployments.get(deployment)
    return None if found is None else _restore(deployment, found)


def describe(seen: Seen) -> dict[str, object]:
    """Turn what was seen of a deployment into JSON values."""
    return {
        "version": seen.version,
        "served": seen.served,
        "labelled": seen.labelled,
        "monitors": [dataclasses.asdict(judgement) for judgement in seen.judgements],
        "evidence": None if seen.evidence is None else dataclasses.asdict(seen.evidence),
    }


def _restore(deployment: str, values: Mapping[str, Any]) -> Seen:
    evidence = values["evidence"]
    if evidence is not None:
        strata = {
            gate: tuple(Stratum(**item) for item in found) for gate, found in evidence["bad_events"].items()
        }
        evidence = Evidence(**{**evidence, "bad_events": strata})
    return Seen(
        deployment,
        values["version"],
        tuple(Judgement(**judgement) for judgement in values["monitors"]),
        values["served"],
        values["labelled"],
        evidence,
    )
