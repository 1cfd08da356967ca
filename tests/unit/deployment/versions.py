"""A project whose versions exist as facts only: enough for everything that does not load a package."""

from __future__ import annotations

import json
from pathlib import Path

from mlwright.project import Project, find_project
from mlwright.registry import NewVersion, Registry

CONFIG = """
[project]
name = "fraud"

[deployment.production]
model = "fraud@champion"
rollout = { steps = [5, 25, 50], hold_minutes = 10.0, min_requests = 500, min_labels = 50 }
"""


def make_project(
    folder: Path, *, versions: int = 3, champion: int | None = 1, config: str = CONFIG
) -> Project:
    (folder / "mlwright.toml").write_text(config)
    project = find_project(folder)
    registry = Registry(project.database)
    for number in range(1, versions + 1):
        digest = f"{number:064x}"
        _write_yardstick(project.packages / digest)
        registry.register(NewVersion("fraud", digest, "binary", "lightgbm", "run", "pass", {}), actor="test")
    if champion is not None:
        registry.move_alias("fraud", "champion", champion, actor="test", reason="first")
    return project


def _write_yardstick(package: Path) -> None:
    """Write as much of a package as monitors read."""
    package.mkdir(parents=True)
    signature = {"kind": "columns", "inputs": [], "outputs": [], "classes": [0, 1], "positive": 1}
    (package / "manifest.json").write_text(json.dumps({"task": "binary", "signature": signature}))
