"""Who was champion before, and how to go back to it."""

from __future__ import annotations

from dataclasses import dataclass

from mlwright.deployment.decision import Decision, Evidence
from mlwright.deployment.document import record_epoch_in
from mlwright.deployment.rollout import carry_out, deployment_settings
from mlwright.deployment.rollout_history import active_rollout_in
from mlwright.errors import NothingToRollBack
from mlwright.project import Project
from mlwright.registry import AliasMove, parse_reference
from mlwright.registry.registry import alias_number, move_alias_in, moves_in, resolve_in
from mlwright.serving import check_package
from mlwright.store import Reader

ROLLBACK = "rollback"


@dataclass(frozen=True)
class WayBack:
    """What a rollback would do now."""

    deployment: str
    from_version: str
    to_version: str
    ends_rollout: int | None


def way_back(project: Project, deployment: str) -> WayBack | None:
    """Say what a rollback would do now, None when there is nothing to go back to."""
    with project.database.read() as tx:
        return _way_back_in(tx, project, deployment)


def roll_back(
    project: Project, deployment: str, *, actor: str, reason: str, evidence: Evidence | None = None
) -> WayBack:
    """End the rollout under way, else put the previous champion back: facts and epoch in one transaction.

    Raises `NothingToRollBack`, or `PackageCorrupt` when the previous package is not what it was.
    """
    planned = way_back(project, deployment)
    if planned is None:
        raise NothingToRollBack(
            f"{deployment!r} has no earlier champion and no rollout under way",
            hint="`mlwright status` shows what is live, `mlwright rollout start --model REF` tries a version",
        )
    with project.database.read() as tx:
        check_package(project.packages, resolve_in(tx, parse_reference(planned.to_version)).digest)
    if planned.ends_rollout is not None:
        _end_rollout(project, deployment, actor=actor, reason=reason, evidence=evidence)
        return planned
    model = parse_reference(deployment_settings(project, deployment).model).name
    with project.database.write() as tx:
        number = previous_champion_in(tx, model)
        if number is None or f"{model}@{number}" != planned.to_version:
            raise NothingToRollBack(
                f"the champion of {model!r} changed while this rollback was prepared",
                hint="look at `mlwright status` and decide again",
            )
        facts: dict[str, object] = {
            "action": ROLLBACK,
            "from": planned.from_version,
            "to": planned.to_version,
        }
        move_alias_in(tx, AliasMove(model, "champion", None, number, "", actor, reason, facts))
        record_epoch_in(tx, project, actor=actor, reason=f"rollback to {planned.to_version}: {reason}")
    return planned


def previous_champion_in(tx: Reader, model: str) -> int | None:
    """Give the version that was champion before the present one.

    Rollbacks undo moves, so repeated rollbacks go further back and a promotion afterwards starts from there.
    """
    line: list[int] = []
    for move in moves_in(tx, model, "champion"):
        number = move.to_version
        if move.evidence.get("action") == ROLLBACK and number in line:
            while line[-1] != number:
                line.pop()
        elif number is not None and (not line or line[-1] != number):
            line.append(number)
    return line[-2] if len(line) > 1 else None


def _way_back_in(tx: Reader, project: Project, deployment: str) -> WayBack | None:
    settings = deployment_settings(project, deployment)
    rollout = active_rollout_in(tx, deployment)
    if rollout is not None:
        return WayBack(deployment, rollout.candidate_reference, rollout.champion_reference, rollout.id)
    reference = parse_reference(settings.model)
    if reference.at != "champion":
        return None
    number = alias_number(tx, reference.name, "champion")
    previous = previous_champion_in(tx, reference.name)
    if number is None or previous is None:
        return None
    return WayBack(deployment, f"{reference.name}@{number}", f"{reference.name}@{previous}", None)


def _end_rollout(
    project: Project, deployment: str, *, actor: str, reason: str, evidence: Evidence | None
) -> None:
    with project.database.read() as tx:
        rollout = active_rollout_in(tx, deployment)
    if rollout is not None:
        decision = Decision("roll-back", "fail", reason, (), evidence or Evidence())
        carry_out(project, rollout, decision, actor=actor)
