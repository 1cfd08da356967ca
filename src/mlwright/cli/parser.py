"""The whole command line for `argparse`: it explains, and finds the word for what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlwright._version import __version__
from mlwright.cli.command import COMMON, Argument, Command
from mlwright.cli.table import COMMANDS
from mlwright.errors import UsageError

ABOUT = """\
From a table to a live, watched, self-renewing model service.

  mlwright init fraud --data tx.parquet --label is_fraud --time ts
  cd fraud
  mlwright run
  mlwright up
  mlwright rollback
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are ours."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse exits here, we raise
        raise UsageError(_clearer(message), hint=f"see `{self.prog} --help`")


def build_parser(commands: Sequence[Command] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser of some commands; each row costs a third of a millisecond."""
    parser = _Parser(
        prog="mlwright",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mlwright {__version__}")
    parser.set_defaults(parser=parser)
    top = parser.add_subparsers(metavar="COMMAND", title="commands", parser_class=_Parser, prog=parser.prog)
    groups: dict[str, argparse._SubParsersAction[_Parser]] = {}
    for command in commands:
        place = top
        if len(command.path) > 1:
            place = _group(command.path[0], top, groups)
        _add(command, place)
    return parser


def _group(
    name: str,
    top: argparse._SubParsersAction[_Parser],
    groups: dict[str, argparse._SubParsersAction[_Parser]],
) -> argparse._SubParsersAction[_Parser]:
    if name not in groups:
        verbs = ", ".join(command.path[1] for command in COMMANDS if command.path[0] == name)
        parser = top.add_parser(name, help=verbs, allow_abbrev=False)
        parser.set_defaults(parser=parser)
        groups[name] = parser.add_subparsers(
            metavar="COMMAND", title="commands", parser_class=_Parser, prog=parser.prog
        )
    return groups[name]


def _add(command: Command, place: argparse._SubParsersAction[_Parser]) -> None:
    text = command.help
    parser = place.add_parser(
        command.path[-1], help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    for argument in (*command.arguments, *COMMON):
        _add_argument(argument, parser)
    parser.set_defaults(command=command, parser=parser)


def _add_argument(argument: Argument, parser: argparse.ArgumentParser) -> None:
    settings: dict[str, object] = {"help": argument.help.replace("%", "%%")}  # argparse formats it
    if argument.is_flag:
        settings["action"] = "store_true"
    else:
        settings |= {
            "type": argument.type or str,
            "default": argument.default,
            "metavar": argument.metavar,
        }
        if argument.is_repeated:
            settings["action"] = "append"
        if argument.choices is not None:
            settings["choices"] = argument.choices
        if argument.nargs is not None:
            settings["nargs"] = argument.nargs
        if argument.is_required and argument.is_option:
            settings["required"] = True
    parser.add_argument(*argument.names, **settings)  # type: ignore[arg-type]  # argparse's stub wants each by name


def _clearer(message: str) -> str:
    """Suggest the nearest command or choice where argparse lists them all."""
    if "invalid choice: " not in message:
        return message
    import difflib

    given = message.split("invalid choice: ", 1)[1].split(" ", 1)[0].strip("'\"")
    options = message.split("choose from ", 1)[-1].rstrip(")").replace("'", "").split(", ")
    near = difflib.get_close_matches(given, options, n=1)
    return f"{message}; did you mean {near[0]!r}?" if near else message
