"""From arguments to an exit code: 0 done, 1 error, 2 wrong usage, 3 a gate said no."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mlwright._version import __version__
from mlwright.cli.command import Command
from mlwright.cli.output import Output
from mlwright.cli.table import COMMANDS
from mlwright.errors import MlwrightError, UsageError

DONE, ERROR, USAGE, REFUSED = 0, 1, 2, 3

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


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    wants_json = "--json" in arguments
    out = Output(as_json=wants_json)
    try:
        parsed = build_parser(_asked(arguments)).parse_args(arguments)
    except UsageError as problem:
        out.error(problem)
        return USAGE
    if getattr(parsed, "command", None) is None:
        parsed.parser.print_help(sys.stdout)
        return DONE if not arguments else USAGE
    return _call(parsed, out)


def _asked(arguments: Sequence[str]) -> Sequence[Command]:
    """Give the one command that is named first; all of them when help or a complaint has to list them."""
    named = [command for command in COMMANDS if command.path == tuple(arguments[: len(command.path)])]
    return named or COMMANDS


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
    for argument in command.arguments:
        argument.add_to(parser)
    parser.add_argument(
        "--project", metavar="DIR", default=".", help="project folder (default: here or above)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(command=command, parser=parser)


def _call(parsed: argparse.Namespace, out: Output) -> int:
    command: Command = parsed.command
    parsed.project = Path(parsed.project)
    try:
        return command.load()(parsed, out)
    except MlwrightError as problem:
        if parsed.debug:
            _print_traceback()
        out.error(problem)
        return USAGE if isinstance(problem, UsageError) else ERROR
    except KeyboardInterrupt:
        out.say("stopped")
        return ERROR
    except BrokenPipeError:
        return ERROR
    except Exception as cause:  # noqa: BLE001  # border of STYLE §9: a bug is reported as one
        if parsed.debug:
            _print_traceback()
        out.error(_unforeseen(cause))
        return ERROR


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _unforeseen(cause: Exception) -> MlwrightError:
    problem = MlwrightError(
        f"mlwright itself failed: {type(cause).__name__}: {cause}",
        hint="run the command again with --debug and report the traceback; nothing that was kept is lost",
    )
    problem.__cause__ = cause.__cause__
    return problem


def _clearer(message: str) -> str:
    """Suggest the nearest command or choice where argparse lists them all."""
    if "invalid choice: " not in message:
        return message
    import difflib

    given = message.split("invalid choice: ", 1)[1].split(" ", 1)[0].strip("'\"")
    options = message.split("choose from ", 1)[-1].rstrip(")").replace("'", "").split(", ")
    near = difflib.get_close_matches(given, options, n=1)
    return f"{message}; did you mean {near[0]!r}?" if near else message
