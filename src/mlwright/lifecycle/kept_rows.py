"""Rows of a run that its project still keeps: what a package can be held to once more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlwright.project import Project

if TYPE_CHECKING:
    import polars as pl


def kept_rows(project: Project, package: str) -> pl.DataFrame | None:
    """Give the rows that the run of a package went on from after its contract, None when they are gone."""
    with project.database.read() as tx:
        packed = tx.fetch_all("SELECT key, outputs FROM step_outputs WHERE step = 'package'")
        keys = [row["key"] for row in packed if json.loads(row["outputs"]).get("package") == package]
        found = [
            row["outputs"]
            for key in keys
            for row in tx.fetch_all(
                "SELECT outputs FROM step_outputs WHERE key IN (SELECT key FROM run_steps WHERE"
                " name = 'contract' AND run_id IN (SELECT run_id FROM run_steps WHERE key = ?))",
                (key,),
            )
        ]
    for outputs in found:
        clean = json.loads(outputs).get("clean")
        digest = clean.get("$blob") if isinstance(clean, dict) else None
        if digest is not None and project.blobs.path(digest).is_file():
            import polars as pl

            return pl.read_ipc(project.blobs.get(digest))
    return None
