"""The deployment document: desired state of all endpoints, built from facts, in epochs that only grow.

Rows come first: whoever changes a fact records the new epoch in the same transaction. The file is then
written from the newest row, so a crash between the two is repaired by whoever publishes next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlwright.deployment.deployment import Deployment, Mirror, Variant
from mlwright.deployment.rollout_history import Rollout, active_rollout_in
from mlwright.deployment.variants import variant_name, variant_of
from mlwright.errors import ConfigError, ModelUnknown, NothingToServe
from mlwright.project import DeploymentConfig, Project
from mlwright.registry import ModelReference, parse_reference
from mlwright.registry.registry import resolve_in
from mlwright.store import Database, Reader, Writer, canonical_json, now_text, write_atomic

DOCUMENT_NAME = "deployments.json"
NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Document:
    """One recorded state of all endpoints."""

    epoch: int
    text: str

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Read the endpoints back from the text."""
        return tuple(_read(entry) for entry in json.loads(self.text)["deployments"])


def document_path(project: Project) -> Path:
    """Tell which file the server polls."""
    return project.run_folder / DOCUMENT_NAME


def build_deployments_in(tx: Reader, config: Mapping[str, DeploymentConfig]) -> list[Deployment]:
    """Say what each configured endpoint should do now; one without any version is left out.

    Raises `ConfigError` for a name that cannot be part of a path.
    """
    for name in config:
        if not NAME_FORM.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a deployment: it becomes part of a URL and of a folder",
                hint="use letters, digits, - and _, beginning with a letter or digit",
            )
    _check_mirrors(config)
    built = [build_deployment_in(tx, name, settings) for name, settings in config.items()]
    found = [deployment for deployment in built if deployment is not None]
    names = {deployment.name for deployment in found}
    # A mirror without a version is not served yet: nothing is shown to it.
    return [
        replace(one, mirror=None) if one.mirror is not None and one.mirror.to not in names else one
        for one in found
    ]


def _check_mirrors(config: Mapping[str, DeploymentConfig]) -> None:
    for name, settings in config.items():
        if settings.mirror_to is None:
            continue
        target = config.get(settings.mirror_to)
        if target is None or settings.mirror_to == name or target.mirror_to is not None:
            raise ConfigError(
                f"the deployment {name!r} cannot be mirrored to {settings.mirror_to!r}",
                hint="mirror_to names another [deployment.…] that is not mirrored itself",
            )
        if not 0.0 <= settings.mirror_share <= 1.0:
            raise ConfigError(
                f"mirror_share of {name!r} is {settings.mirror_share}", hint="give a share between 0 and 1"
            )


def build_deployment_in(tx: Reader, name: str, settings: DeploymentConfig) -> Deployment | None:
    """Say what one endpoint should do now, None when there is no version for it."""
    reference = parse_reference(settings.model)
    rollout = active_rollout_in(tx, name)
    mirror = None if settings.mirror_to is None else Mirror(settings.mirror_to, settings.mirror_share)
    if reference.at == "champion" and rollout is not None and rollout.model == reference.name:
        return Deployment(
            name,
            reference.name,
            settings.unit,
            rollout.salt,
            rollout.id,
            _split_variants(tx, rollout),
            settings.cache_entries,
            mirror,
        )
    try:
        version = resolve_in(tx, reference)
    except ModelUnknown:
        return None
    variant = variant_of(version, variant_name(reference), 1.0)
    return Deployment(
        name,
        reference.name,
        settings.unit,
        f"{name}-0",
        None,
        (variant,),
        settings.cache_entries,
        mirror,
    )


def record_epoch_in(tx: Writer, project: Project, *, actor: str, reason: str) -> Document:
    """Record the desired state in the caller's transaction, as a new epoch if it differs from the last."""
    recorded = recorded_document_in(tx, project)
    if recorded is not None:
        return recorded
    newest = newest_document_in(tx)
    body = _desired_in(tx, project)
    epoch = 1 if newest is None else newest.epoch + 1
    text = canonical_json({"format": 1, "epoch": epoch, "deployments": body})
    tx.execute(
        "INSERT INTO deployment_epochs (epoch, document, at, actor, reason) VALUES (?, ?, ?, ?, ?)",
        (epoch, text, now_text(), actor, reason),
    )
    return Document(epoch, text)


def recorded_document_in(tx: Reader, project: Project) -> Document | None:
    """Give the newest recorded state if it is what the facts ask for now.

    Raises `NothingToServe`.
    """
    body = _desired_in(tx, project)
    newest = newest_document_in(tx)
    return newest if newest is not None and json.loads(newest.text)["deployments"] == body else None


def newest_document_in(tx: Reader) -> Document | None:
    """Give the newest recorded state."""
    row = tx.fetch_one("SELECT epoch, document FROM deployment_epochs ORDER BY epoch DESC LIMIT 1")
    return None if row is None else Document(row["epoch"], row["document"])


def newest_document(database: Database) -> Document | None:
    """Give the newest recorded state."""
    with database.read() as tx:
        return newest_document_in(tx)


def live_deployment(project: Project, name: str) -> Deployment | None:
    """Say what an endpoint should do now, None when there is no version for it."""
    with project.database.read() as tx:
        return build_deployment_in(tx, name, project.config.deployment[name])


def write_document(database: Database, path: Path) -> Document | None:
    """Bring the file to the newest recorded state; safe when several processes do it at once.

    Each writer looks again after it wrote, so the last one to write leaves the newest state behind.
    """
    while True:
        newest = newest_document(database)
        if newest is None or _text_of(path) == newest.text:
            return newest
        write_atomic(path, newest.text.encode())


def nothing_to_serve(project: Project) -> NothingToServe:
    """Explain that no endpoint has a version."""
    if not project.config.deployment:
        return NothingToServe(
            "the project has no deployment",
            hint="add [deployment.production] to mlwright.toml, or name versions: `mlwright serve NAME@3`",
        )
    wanted = ", ".join(repr(settings.model) for settings in project.config.deployment.values())
    return NothingToServe(
        f"there is no version for {wanted} yet",
        hint="`mlwright run` makes one; `mlwright serve NAME@latest` serves one whatever its gates said",
    )


def _desired_in(tx: Reader, project: Project) -> list[dict[str, object]]:
    deployments = build_deployments_in(tx, project.config.deployment)
    if not deployments:
        raise nothing_to_serve(project)
    return [deployment.to_json() for deployment in deployments]


def _split_variants(tx: Reader, rollout: Rollout) -> tuple[Variant, ...]:
    candidate = resolve_in(tx, ModelReference(rollout.model, rollout.candidate))
    champion = resolve_in(tx, ModelReference(rollout.model, rollout.champion))
    return (
        variant_of(candidate, "candidate", rollout.share),
        variant_of(champion, "champion", 1.0 - rollout.share),
    )


def _read(entry: Mapping[str, object]) -> Deployment:
    fields = dict(entry)
    variants, mirror = fields.pop("variants"), fields.pop("mirror", None)
    assert isinstance(variants, list)
    return Deployment(
        **fields,  # type: ignore[arg-type]  # written by to_json above
        variants=tuple(Variant(**variant) for variant in variants),
        mirror=Mirror(**mirror) if isinstance(mirror, dict) else None,
    )


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
