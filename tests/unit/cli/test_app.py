"""The command line is light, speaks JSON, and says what to do when something is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlwright import __version__
from mlwright.cli.app import run
from mlwright.cli.command import Command
from mlwright.cli.parser import build_parser
from mlwright.cli.table import COMMANDS

HEAVY = {
    "numpy",
    "polars",
    "pyarrow",
    "pandas",
    "sklearn",
    "lightgbm",
    "onnx",
    "onnxruntime",
    "scipy",
    "rich",
}


@pytest.mark.promise("cli.light")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["model", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from mlwright.__main__ import main\n"
        f"sys.argv = ['mlwright', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('\\nMODULES', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.rsplit("MODULES", 1)[1].split())
    assert modules & HEAVY == set()


@pytest.mark.promise("cli.light")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.path))
def test_loading_a_command_imports_nothing_heavy(command: object) -> None:
    handler = getattr(command, "handler")  # noqa: B009  # the parameter is typed as object for the id function
    module, _, name = handler.partition(":")
    code = (
        f"import sys, importlib; getattr(importlib.import_module({module!r}), {name!r})\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.promise("cli.json")
def test_every_command_has_json_project_and_help() -> None:
    for command in COMMANDS:
        needed = [["x"] for a in command.arguments if not a.names[0].startswith("-") and a.nargs is None]
        options = [[a.names[0], (a.choices or ("x",))[0]] for a in command.arguments if a.is_required]
        words = [word for part in [*needed, *options] for word in part]
        parsed = build_parser().parse_args([*command.path, *words, "--json", "--project", "p"])
        assert (parsed.json, parsed.project, parsed.command) == (True, "p", command)


@pytest.mark.promise("cli.json")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.path))
def test_every_command_shows_its_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args([*command.path, "--help"])
    assert stopped.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(
        argument.names[0] in shown for argument in command.arguments if argument.names[0].startswith("-")
    )


@pytest.mark.promise("cli.exit-codes", "cli.errors")
def test_wrong_usage_is_exit_code_2_and_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["modle", "list"]) == 2
    said = capsys.readouterr().err
    assert "did you mean 'model'?" in said
    assert "hint:" in said


@pytest.mark.promise("cli.exit-codes", "cli.errors", "cli.json")
def test_an_error_is_exit_code_1_and_one_json_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "show", "--json", "--project", str(tmp_path)]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "project.not-found"
    assert error["hint"]


def test_the_version_is_the_crates_version() -> None:
    cargo = (Path(__file__).parents[3] / "Cargo.toml").read_text()
    assert re.search(r'^version = "(.+)"$', cargo, re.MULTILINE)[1] == __version__  # type: ignore[index]  # it is there
