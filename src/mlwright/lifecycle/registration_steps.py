"""Steps that look into and write the registry; light, because they run every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.lifecycle.blocking import blocking_keys
from mlwright.pipeline import Blob, Context, Value, Values
from mlwright.project import find_project
from mlwright.registry import AliasMove, NewVersion, Registry
from mlwright.registry.registry import alias_number, move_alias_in, register_in
from mlwright.store import digest_json

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

ACTOR = "mlwright run"


def find_champion(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    """Find whom to compare with: the champion, or for a training that is registered, the champion of then."""
    del context
    project = find_project(Path(str(parameters["root"])))
    registry = Registry(project.database)
    known = registry.find_training(project.name, training_key(inputs, parameters))
    if known is not None:
        number = known.compared_with
        champion = None if number is None else registry.resolve(f"{project.name}@{number}")
    else:
        champion = registry.alias(project.name, "champion")
    text = "none yet: the first that passes becomes champion" if champion is None else champion.reference
    return {
        "champion": "" if champion is None else champion.digest,
        "champion_reference": "" if champion is None else champion.reference,
        "is_unchanged": True,
        "summary": text,
    }


def register(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    """Register the package; the first version that passes becomes champion, later ones candidate.

    A version with blocking findings is registered, and no alias moves to it.
    """
    del context
    project = find_project(Path(str(parameters["root"])))
    fitted, evaluation = inputs["fitted"], inputs["evaluation"]
    assert isinstance(fitted, dict)
    assert isinstance(evaluation, dict)
    verdict = str(inputs["verdict"])
    compared = str(inputs["champion_reference"])
    metrics = evaluation["metrics"]
    assert isinstance(metrics, dict)
    new = NewVersion(
        name=project.name,
        digest=str(inputs["package"]),
        task=str(parameters["task"]),
        framework=str(fitted["kept"]),
        origin="run",
        verdict="pass" if verdict == "pass" else "fail" if verdict == "fail" else "inconclusive",
        metrics=dict(metrics),
        training_key=training_key(inputs, parameters),
        compared_with=int(compared.rpartition("@")[2]) if compared else None,
    )
    blocked = blocking_keys(inputs["gates"])
    with project.database.write() as tx:
        before = tx.fetch_one(
            "SELECT number FROM versions WHERE name = ? AND digest = ?", (new.name, new.digest)
        )
        version = register_in(tx, new, actor=ACTOR)
        moved = ""
        if before is None:
            champion = alias_number(tx, new.name, "champion")
            moved = "champion" if champion is None and new.verdict == "pass" else "candidate"
            moved = "" if blocked else moved
            reason = (
                "the first version that passed its gates"
                if moved == "champion"
                else "newest version; it reaches champion through a rollout"
            )
            evidence: dict[str, object] = {"verdict": new.verdict, "metrics": dict(metrics)}
            if moved:
                move_alias_in(
                    tx, AliasMove(new.name, moved, None, version.number, "", ACTOR, reason, evidence)
                )
    otherwise = f"without an alias: {', '.join(blocked)}" if before is None else "registered before"
    said = f"{version.reference}, {moved or otherwise}"
    return {
        "version": version.reference,
        "moved": moved,
        "is_unchanged": before is not None,
        "summary": said,
    }


def training_key(inputs: Mapping[str, Value], parameters: Mapping[str, JSON]) -> str:
    """Name a training by what came out of it and what was asked of it: model, threshold and gates."""
    fitted = inputs["fitted"]
    assert isinstance(fitted, dict)
    parts = {name: inputs[name] for name in ("model", "transform")}
    return digest_json(
        {
            **{name: value.digest if isinstance(value, Blob) else value for name, value in parts.items()},
            "threshold": fitted["threshold"],
            "gates": parameters["gates"],
        }
    )
