"""What is read without argparse is what argparse reads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwright.cli.command import COMMON, Arguments, Command
from mlwright.cli.parser import build_parser
from mlwright.cli.plain import read_plainly
from mlwright.cli.table import COMMANDS
from mlwright.errors import UsageError

NAMED = {command.path: command for command in COMMANDS}
VALUES = (
    "7",
    "0.5",
    "a",
    "a b",
    "",
    "-1",
    "-x",
    "--",
    "=",
    "a=b",
    "constant",
    "fraud",
    "binary",
    "lightgbm",
    "é",
)


def argparse_reads(command: Command, given: list[str]) -> Arguments | None:
    parser = build_parser([command])
    try:
        parsed = parser.parse_args([*command.path, *given], Arguments())
    except (UsageError, SystemExit):
        return None
    del parsed.parser
    return parsed


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[Command, list[str]]:
    command = draw(st.sampled_from(COMMANDS))
    names = [name for one in (*command.arguments, *COMMON) for name in one.names if one.is_option]
    value = st.sampled_from(VALUES)
    word = st.one_of(
        st.sampled_from(names).map(lambda name: [name]),
        st.tuples(st.sampled_from(names), value).map(list),
        st.tuples(st.sampled_from(names), value).map(lambda pair: [f"{pair[0]}={pair[1]}"]),
        value.map(lambda text: [text]),
        st.sampled_from(["-h", "--help", "--unknown", "--jso", "-V"]).map(lambda text: [text]),
    )
    return command, [text for part in draw(st.lists(word, max_size=6)) for text in part]


@pytest.mark.promise("cli.json")
@settings(max_examples=1500, deadline=None)
@given(command_lines())
def test_what_is_read_plainly_is_what_argparse_reads(line: tuple[Command, list[str]]) -> None:
    command, given = line
    plain = read_plainly(command, given)
    if plain is not None:
        assert vars(plain) == vars(argparse_reads(command, given) or SimpleNamespace())


def test_the_usual_forms_are_read_plainly() -> None:
    serve = NAMED["serve",]
    for words in (
        [],
        ["bench@latest", "--port", "8080", "--workers=2", "--no-auth"],
        ["--tls-key", "a.pem", "a@1", "b@2", "--json"],
    ):
        plain = read_plainly(serve, words)
        assert plain is not None
        assert vars(plain) == vars(argparse_reads(serve, words) or SimpleNamespace())
    plain = read_plainly(NAMED["predict",], ["--model", "a@1", "--data", "x.csv", "--out", "y.csv"])
    assert plain is not None
    assert (plain.model, plain.data, plain.project) == ("a@1", "x.csv", ".")
    plain = read_plainly(serve, ["--tls-key", "a.pem"])
    assert plain is not None
    assert plain.tls_key == Path("a.pem")


@pytest.mark.parametrize(
    "given",
    [["--help"], ["--port"], ["--port", "x"], ["a@1", "--json", "b@1"], ["--jso"], ["--no-auth=1"], ["--"]],
)
def test_what_needs_an_explanation_is_left_to_argparse(given: list[str]) -> None:
    assert read_plainly(NAMED["serve",], given) is None


def test_a_command_that_lacks_what_it_needs_is_left_to_argparse() -> None:
    assert read_plainly(NAMED["init",], []) is None
    assert read_plainly(NAMED["init",], ["one", "two"]) is None
    assert read_plainly(NAMED["predict",], ["--model", "a@1"]) is None
