"""From arguments to an exit code: 0 done, 1 error, 2 wrong usage, 3 a gate said no."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mlwright.cli.command import Arguments, Command
from mlwright.cli.output import Output
from mlwright.cli.plain import read_plainly
from mlwright.cli.table import COMMANDS
from mlwright.errors import MlwrightError, UsageError

DONE, ERROR, USAGE, REFUSED = 0, 1, 2, 3


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    out = Output(as_json="--json" in arguments)
    named = [command for command in COMMANDS if command.path == tuple(arguments[: len(command.path)])]
    plain = read_plainly(named[0], arguments[len(named[0].path) :]) if named else None
    if plain is not None:
        return _call(plain, out)
    from mlwright.cli.parser import build_parser

    try:
        parsed = build_parser(named or COMMANDS).parse_args(arguments, Arguments())
    except UsageError as problem:
        out.error(problem)
        return USAGE
    if getattr(parsed, "command", None) is None:
        parsed.parser.print_help(sys.stdout)
        return DONE if not arguments else USAGE
    return _call(parsed, out)


def _call(parsed: Arguments, out: Output) -> int:
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
