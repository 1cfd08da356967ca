"""The hash-chained list of everything that changed what is live."""

from __future__ import annotations

import json

from mlwright.store.database import Database, Writer, now_text
from mlwright.store.hashing import canonical_json, digest_bytes


def audit(tx: Writer, *, actor: str, action: str, target: str, facts: dict[str, object]) -> None:
    """Add one entry inside the caller's transaction, chained to the one before it."""
    last = tx.fetch_one("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")
    entry = {
        "at": now_text(),
        "actor": actor,
        "action": action,
        "target": target,
        "facts": facts,
        "previous": "" if last is None else last["hash"],
    }
    tx.execute(
        "INSERT INTO audit (at, actor, action, target, facts, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry["at"],
            actor,
            action,
            target,
            canonical_json(facts),
            entry["previous"],
            digest_bytes(canonical_json(entry).encode()),
        ),
    )


def verify_audit(database: Database) -> int | None:
    """Give the id of the first entry whose hash or link is wrong, None when the chain holds."""
    with database.read() as tx:
        rows = tx.fetch_all("SELECT * FROM audit ORDER BY id")
    previous = ""
    for row in rows:
        entry = {
            "at": row["at"],
            "actor": row["actor"],
            "action": row["action"],
            "target": row["target"],
            "facts": json.loads(row["facts"]),
            "previous": previous,
        }
        found = digest_bytes(canonical_json(entry).encode())
        if row["previous"] != previous or row["hash"] != found:
            return int(row["id"])
        previous = found
    return None
