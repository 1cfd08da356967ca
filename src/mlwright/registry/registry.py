"""Versions and aliases of models, as facts that only grow."""

from __future__ import annotations

import json
from typing import Literal

from mlwright.errors import ModelUnknown
from mlwright.record import Record
from mlwright.registry.reference import Alias, ModelReference, parse_reference
from mlwright.store import Database, Reader, Writer, audit, canonical_json, now_text


class NewVersion(Record):
    """What is told of a version when it is registered."""

    name: str
    digest: str
    task: str
    framework: str
    origin: Literal["run", "import"]
    verdict: Literal["pass", "fail", "inconclusive"]
    metrics: dict[str, object]
    run_id: str | None = None
    training_key: str | None = None
    compared_with: int | None = None


class Version(Record):
    """One registered version of a model."""

    name: str
    number: int
    digest: str
    task: str
    framework: str
    origin: str
    verdict: str
    metrics: dict[str, object]
    run_id: str | None
    training_key: str | None
    compared_with: int | None
    created_at: str

    @property
    def reference(self) -> str:
        """Give the text that names this version for ever."""
        return f"{self.name}@{self.number}"


class AliasMove(Record):
    """Who moved an alias, when and why."""

    name: str
    alias: str
    from_version: int | None
    to_version: int | None
    at: str
    actor: str
    reason: str
    evidence: dict[str, object]


class Registry:
    """The versions and aliases in one project's database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def register(self, new: NewVersion, *, actor: str) -> Version:
        """Add a version; the same package again gives the version it has already."""
        with self.database.write() as tx:
            return register_in(tx, new, actor=actor)

    def resolve(self, reference: str | ModelReference) -> Version:
        """Find the version that a reference means.

        Raises `ModelUnknown` with the nearest name, `ReferenceInvalid`.
        """
        wanted = parse_reference(reference) if isinstance(reference, str) else reference
        with self.database.read() as tx:
            return resolve_in(tx, wanted)

    def alias(self, name: str, alias: Alias) -> Version | None:
        """Give the version that an alias points at, if any."""
        with self.database.read() as tx:
            number = alias_number(tx, name, alias)
            return None if number is None else _version(tx, name, number)

    def move_alias(
        self,
        name: str,
        alias: Alias,
        number: int | None,
        *,
        actor: str,
        reason: str,
        evidence: dict[str, object] | None = None,
    ) -> None:
        """Point an alias at another version, or nowhere."""
        with self.database.write() as tx:
            move_alias_in(tx, AliasMove(name, alias, None, number, "", actor, reason, evidence or {}))

    def names(self) -> list[str]:
        """List the models that have versions."""
        with self.database.read() as tx:
            return [row["name"] for row in tx.fetch_all("SELECT DISTINCT name FROM versions ORDER BY name")]

    def versions(self, name: str | None = None) -> list[Version]:
        """List versions, oldest first."""
        with self.database.read() as tx:
            rows = tx.fetch_all(
                "SELECT * FROM versions WHERE ? IS NULL OR name = ? ORDER BY name, number",
                (name, name),
            )
        return [_from_row(row) for row in rows]

    def moves(self, name: str, alias: Alias | None = None) -> list[AliasMove]:
        """List moves of a model's aliases, oldest first."""
        with self.database.read() as tx:
            return moves_in(tx, name, alias)

    def find_training(self, name: str, training_key: str) -> Version | None:
        """Give the version that was made by this very training, if it is registered."""
        with self.database.read() as tx:
            row = tx.fetch_one(
                "SELECT * FROM versions WHERE name = ? AND training_key = ? ORDER BY number LIMIT 1",
                (name, training_key),
            )
        return None if row is None else _from_row(row)


def aliases_of(registry: Registry, version: Version) -> tuple[str, ...]:
    """Give the aliases that point at a version."""
    names: tuple[Alias, ...] = ("champion", "candidate")
    return tuple(name for name in names if registry.alias(version.name, name) == version)


def register_in(tx: Writer, new: NewVersion, *, actor: str) -> Version:
    """Add a version inside the caller's transaction."""
    row = tx.fetch_one("SELECT number FROM versions WHERE name = ? AND digest = ?", (new.name, new.digest))
    if row is not None:
        return _version(tx, new.name, row["number"])
    last = tx.fetch_one("SELECT max(number) AS number FROM versions WHERE name = ?", (new.name,))
    number = 1 + ((last["number"] if last is not None else None) or 0)
    tx.execute(
        "INSERT INTO versions (name, number, digest, task, framework, origin, run_id, verdict, training_key,"
        " compared_with, metrics, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.name,
            number,
            new.digest,
            new.task,
            new.framework,
            new.origin,
            new.run_id,
            new.verdict,
            new.training_key,
            new.compared_with,
            canonical_json(new.metrics),
            now_text(),
        ),
    )
    audit(
        tx,
        actor=actor,
        action="version.registered",
        target=f"{new.name}@{number}",
        facts={"digest": new.digest, "origin": new.origin, "verdict": new.verdict},
    )
    return _version(tx, new.name, number)


def move_alias_in(tx: Writer, move: AliasMove) -> None:
    """Point an alias elsewhere in the caller's transaction; `from_version` and `at` are filled in here."""
    before = alias_number(tx, move.name, move.alias)
    if before == move.to_version:
        return
    tx.execute(
        "INSERT INTO alias_moves (name, alias, from_version, to_version, at, actor, reason, evidence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            move.name,
            move.alias,
            before,
            move.to_version,
            now_text(),
            move.actor,
            move.reason,
            canonical_json(move.evidence),
        ),
    )
    audit(
        tx,
        actor=move.actor,
        action="alias.moved",
        target=f"{move.name}@{move.alias}",
        facts={"from": before, "to": move.to_version, "reason": move.reason, "evidence": move.evidence},
    )


def alias_number(tx: Reader, name: str, alias: str) -> int | None:
    """Give the version number that an alias points at."""
    row = tx.fetch_one(
        "SELECT to_version FROM alias_moves WHERE name = ? AND alias = ? ORDER BY id DESC LIMIT 1",
        (name, alias),
    )
    return None if row is None else row["to_version"]


def moves_in(tx: Reader, name: str, alias: str | None = None) -> list[AliasMove]:
    """List moves of a model's aliases, oldest first."""
    rows = tx.fetch_all(
        "SELECT * FROM alias_moves WHERE name = ? AND (? IS NULL OR alias = ?) ORDER BY id",
        (name, alias, alias),
    )
    return [
        AliasMove(
            row["name"],
            row["alias"],
            row["from_version"],
            row["to_version"],
            row["at"],
            row["actor"],
            row["reason"],
            json.loads(row["evidence"]),
        )
        for row in rows
    ]


def resolve_in(tx: Reader, wanted: ModelReference) -> Version:
    """Find the version that a reference means, inside the caller's transaction."""
    name = wanted.name
    if isinstance(wanted.at, int):
        number: int | None = wanted.at
    elif wanted.at == "latest":
        row = tx.fetch_one("SELECT max(number) AS number FROM versions WHERE name = ?", (name,))
        number = None if row is None else row["number"]
    else:
        number = alias_number(tx, name, wanted.at)
    row = tx.fetch_one("SELECT * FROM versions WHERE name = ? AND number = ?", (name, number))
    if row is None:
        raise _unknown(tx, wanted)
    return _from_row(row)


def _unknown(tx: Reader, wanted: ModelReference) -> ModelUnknown:
    names = [row["name"] for row in tx.fetch_all("SELECT DISTINCT name FROM versions")]
    if wanted.name in names:
        return ModelUnknown(
            f"there is no {str(wanted)!r}", hint=f"`mlwright model show {wanted.name}` lists its versions"
        )
    import difflib

    near = difflib.get_close_matches(wanted.name, names, n=1)
    hint = (
        f"did you mean {near[0]!r}?" if near else "`mlwright model list` shows all; `mlwright run` makes one"
    )
    return ModelUnknown(f"there is no model {wanted.name!r}", hint=hint)


def _version(tx: Reader, name: str, number: int) -> Version:
    row = tx.fetch_one("SELECT * FROM versions WHERE name = ? AND number = ?", (name, number))
    if row is None:
        raise ModelUnknown(
            f"there is no {name}@{number}", hint=f"`mlwright model show {name}` lists its versions"
        )
    return _from_row(row)


def _from_row(row: object) -> Version:
    fields = dict(row)  # type: ignore[call-overload]  # sqlite3.Row is a mapping in all but its stub
    fields["metrics"] = json.loads(fields["metrics"])
    return Version(**fields)
