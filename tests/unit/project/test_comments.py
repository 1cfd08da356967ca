"""Reasons that `init` wrote beside assumed settings."""

from __future__ import annotations

from mlwright.commands.first_config import FirstChoices, first_config
from mlwright.project.comments import assumed_reasons


def test_the_reasons_of_a_new_project_are_read_back() -> None:
    chosen = FirstChoices(
        name="fraud",
        task="binary",
        template="tabular",
        source=("a # b.csv",),
        label="is # fraud",
        shares=(0.9, 0.1),
        time="ts",
        group="card",
        guessed={"ts": "it holds moments"},
        ignored={'note, "x"': "sentences", "serial": "every row has another value"},
        given=frozenset({"group"}),
    )
    assert assumed_reasons(first_config(chosen), "data") == {
        "ts": "it holds moments",
        'note, "x"': "sentences",
        "serial": "every row has another value",
    }


def test_a_text_that_is_no_table_gives_nothing() -> None:
    assert (
        assumed_reasons("data = [[[\n]]] # assumed: x\n[data]\ntime = nothing # assumed: x\n", "data") == {}
    )
