"""What a report tells of a run: values of its steps, roles of its columns, and where all came from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlwright.data import read_contract
from mlwright.pipeline import Value, Values
from mlwright.project import DataConfig, Project
from mlwright.project.comments import assumed_reasons

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

ROLES = ("label", "time", "group", "query", "weight", "id", "label_time")


@dataclass(frozen=True)
class Role:
    """A column that is more, or less, than an input; `reason` is there where the role was assumed."""

    role: str
    column: str
    reason: str | None = None


def column_roles(project: Project) -> tuple[Role, ...]:
    """Give the roles that [data] says, with the reasons that `init` wrote beside them."""
    data: DataConfig = project.config.data
    reasons = assumed_reasons(project.config_path.read_text(encoding="utf-8"), "data")
    named = [(role, getattr(data, role)) for role in ROLES]
    roles = [Role(role.replace("_", " "), name, reasons.get(name)) for role, name in named if name]
    roles += [Role("sensitive", name, reasons.get(name)) for name in data.sensitive]
    return (*roles, *(Role("ignored", name, reasons.get(name)) for name in data.ignore))


def input_types(project: Project) -> dict[str, int]:
    """Count the inputs of a model by their type."""
    data = project.config.data
    contract = read_contract(project.contract_path.read_bytes())
    return dict(Counter(column.type for column in contract.inputs(ignore=data.unread, group=data.group)))


def run_facts(project: Project, values: Values) -> dict[str, JSON]:
    """Give everything that a report tells, as JSON values; no clock is among them but CPU seconds."""
    fitted, evaluation = _object(values["fitted"]), _object(values["evaluation"])
    digest = str(values["package"])
    manifest = json.loads((project.packages / digest / "manifest.json").read_bytes())
    types = input_types(project)
    confusion = evaluation.get("confusion")
    explanation = _object(values["explanation"])
    folds = _object(explanation.get("folds"))
    choice = ("members", "seeds", "rounds", "value", "nested", "optimism", "calibration")
    return {
        "format": 1,
        "reference": values["version"],
        "name": project.name,
        "task": str(evaluation["task"]),
        "label": project.config.data.label,
        "kept": fitted["kept"],
        "metric": fitted["metric"],
        "threshold": fitted["threshold"],
        "verdict": str(values["verdict"]),
        "moved": str(values["moved"]),
        "digest": digest,
        "roles": [
            {"role": role.role, "column": role.column, "reason": role.reason}
            for role in column_roles(project)
        ],
        "data": {
            "inputs": sum(types.values()),
            "types": dict(types),
            "train_rows": _object(folds.get("training")).get("rows"),
            "full_rows": _object(values["full"]).get("rows"),
            "test_rows": evaluation["rows"],
        },
        "split": str(values["split_text"]),
        "metrics": evaluation["metrics"],
        "ranking": evaluation.get("ranking"),
        "confusion": confusion,
        "gates": values["gates"],
        "findings": values["noticed"],
        "ladder": fitted["ladder"],
        "choice": {name: fitted.get(name) for name in choice},
        "tried": fitted["tried"],
        "slices": evaluation.get("slices"),
        "parity": values["parity"],
        "explanation": explanation,
        "provenance": manifest["provenance"],
    }


def _object(value: Value | None) -> dict[str, JSON]:
    return dict(value) if isinstance(value, Mapping) else {}
