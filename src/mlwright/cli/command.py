"""What a row of the command table says."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mlwright.cli.output import Output

Handler: TypeAlias = Callable[[argparse.Namespace, Output], int]


@dataclass(frozen=True)
class Argument:
    """One argument or option: its names and what argparse needs to know of it."""

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

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Declare this argument on a parser."""
        settings: dict[str, object] = {"help": self.help.replace("%", "%%")}  # argparse formats it
        if self.is_flag:
            settings["action"] = "store_true"
        else:
            settings |= {"type": self.type or str, "default": self.default, "metavar": self.metavar}
            if self.is_repeated:
                settings["action"] = "append"
            if self.choices is not None:
                settings["choices"] = self.choices
            if self.nargs is not None:
                settings["nargs"] = self.nargs
            if self.is_required and self.names[0].startswith("-"):
                settings["required"] = True
        parser.add_argument(*self.names, **settings)  # type: ignore[arg-type]  # argparse's stub wants each by name


@dataclass(frozen=True)
class Command:
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
