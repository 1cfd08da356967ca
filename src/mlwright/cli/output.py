"""Where words go: data to stdout, talk to stderr, and with --json one JSON value on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from mlwright.errors import MlwrightError

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}


class Output:
    """One command's voice."""

    def __init__(self, *, as_json: bool, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.as_json = as_json
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.is_terminal = self.stderr.isatty() and "NO_COLOR" not in os.environ

    def result(self, value: object, lines: Sequence[str]) -> None:
        """Give the result: the value with --json, else its lines."""
        if self.as_json:
            self.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
        else:
            self.stdout.write("".join(line.rstrip() + "\n" for line in lines))
        self.stdout.flush()

    def event(self, value: Mapping[str, object], line: str) -> None:
        """Tell one event of a stream: a JSON line with --json, else a line of text."""
        text = json.dumps(plain(value), ensure_ascii=False) if self.as_json else line
        self.stdout.write(text + "\n")
        self.stdout.flush()

    def say(self, line: str) -> None:
        """Talk to a person; silent with --json."""
        if not self.as_json:
            self.stderr.write(line + "\n")
            self.stderr.flush()

    def error(self, problem: MlwrightError) -> None:
        """Render a failure: message, causes, hint."""
        if self.as_json:
            facts = {key: plain(value) for key, value in problem.facts.items()}
            body = {"code": problem.code, "message": problem.message, "hint": problem.hint, "facts": facts}
            self.stdout.write(json.dumps({"error": body}, ensure_ascii=False) + "\n")
            return
        self.stderr.write(f"{self.style('error:', 'red', 'bold')} {problem.message}\n")
        cause = problem.__cause__
        while cause is not None:
            self.stderr.write(f"  because: {cause}\n")
            cause = cause.__cause__
        self.stderr.write(f"\n{self.style('hint:', 'bold')} {problem.hint}\n")

    def style(self, text: str, *names: str) -> str:
        """Colour text on a terminal; the meaning never depends on it."""
        if not self.is_terminal:
            return text
        codes = ";".join(STYLES[name] for name in names)
        return f"\033[{codes}m{text}\033[0m"


def plain(value: object) -> object:
    """Turn results into JSON values: dataclasses to objects, paths and other values to text."""
    from dataclasses import fields, is_dataclass  # here, so that `mlwright serve` need not wait for it

    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Path):
        return str(value)
    return str(value)


def table(rows: Sequence[Sequence[str]], *, header: Sequence[str] = ()) -> list[str]:
    """Lay out rows in columns; numbers-looking columns are not special, text is left-aligned."""
    everything = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not everything:
        return []
    widths = [max(len(row[at]) for row in everything) for at in range(len(everything[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in everything
    ]
