"""Bring what is recorded to the target; doing it again after any crash repairs what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from mlwright.deployment.document import Document, record_epoch_in, recorded_document_in
from mlwright.deployment.local import LocalTarget
from mlwright.deployment.target import Applied, Target
from mlwright.errors import ServerRefused
from mlwright.project import Project


@dataclass(frozen=True)
class Published:
    """The newest document and how the target took it."""

    document: Document
    applied: Applied


def target_of(project: Project) -> Target:
    """Give the target of the project's deployments."""
    return LocalTarget(project)


def publish(project: Project, target: Target, *, actor: str, reason: str) -> Published:
    """Record the desired state if it differs from the last epoch, and make the target serve it.

    Raises `NothingToServe`, or `ServerRefused` when the target keeps serving the old document.
    """
    with project.database.write() as tx:
        document = record_epoch_in(tx, project, actor=actor, reason=reason)
    applied = target.apply(document)
    if applied.is_running and not applied.is_applied:
        raise ServerRefused(
            f"the server keeps serving epoch {applied.epoch} and refused epoch {document.epoch}:"
            f" {applied.problem or 'no reason given'}",
            hint="`mlwright rollback` ends a rollout or goes back; `mlwright status` shows what is live",
            epoch=document.epoch,
        )
    return Published(document, applied)


def ensure_published(project: Project, target: Target, *, actor: str) -> Published:
    """Publish only what is missing: the loop calls this every tick.

    Raises as `publish`.
    """
    with project.database.read() as tx:
        document = recorded_document_in(tx, project)
    looked = target.look()
    if document is not None and looked.is_running and looked.epoch == document.epoch:
        return Published(document, looked)
    return publish(project, target, actor=actor, reason="facts changed")
