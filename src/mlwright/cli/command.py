"""What a row of the command table says."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import TypeAlias

from mlwright.cli.output import Output
from mlwright.record import Record


class Arguments(SimpleNamespace):
    """What a command was given: a value for each of its arguments."""


Handler: TypeAlias = Callable[[Arguments, Output], int]


class Argument(Record):
    """One argument or option: its names and what it takes."""

    names: tuple[str, ...]
    help: str
    type: Callable[[str], object] | None = None
    default: object = None
    choices: tuple[str, ...] | None = None
    nargs: str | None = None
    is_flag: bool = False
    is_repeated: bool = False
    is_required: bool = False
    metavar: str | None = None

    @property
    def is_option(self) -> bool:
        """Tell whether it is given by name."""
        return self.names[0].startswith("-")


COMMON = (
    Argument(("--project",), "project folder (default: here or above)", default=".", metavar="DIR"),
    Argument(("--json",), "one JSON value on stdout", is_flag=True),
    Argument(("--debug",), "show the traceback of an error", is_flag=True),
)


class Command(Record):
    """A verb: where it stands, what it takes, and the function that is imported when it is called."""

    path: tuple[str, ...]
    help: str
    handler: str
    arguments: tuple[Argument, ...] = ()

    def load(self) -> Handler:
        """Import the function behind the command."""
        module, _, name = self.handler.partition(":")
        handler: Handler = getattr(importlib.import_module(module), name)
        return handler
