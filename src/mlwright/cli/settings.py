"""Render the settings of a project."""

from __future__ import annotations

import json
import os

from mlwright.cli.command import Arguments
from mlwright.cli.output import Output, table
from mlwright.project import find_project, origins


def config_show(args: Arguments, out: Output) -> int:
    """Show every setting, its value and where it comes from."""
    project = find_project(args.project)
    found = origins(project.config_path, os.environ)
    rows = [(name, json.dumps(value, ensure_ascii=False), origin) for name, (value, origin) in found.items()]
    out.result(
        {name: {"value": value, "origin": origin} for name, (value, origin) in found.items()},
        table(rows, header=("setting", "value", "from")),
    )
    return 0
