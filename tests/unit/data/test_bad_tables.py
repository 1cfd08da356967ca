"""Odd columns and labels, each said or refused with a way out; `tests/journey/test_bad_input.py` has more."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mlwright
from mlwright.data import infer_roles, inspect_table, split_rows
from mlwright.errors import MlwrightError
from mlwright.project import DataConfig, SplitConfig

ROWS = 200
AT = pl.int_range(ROWS)


def table(**more: pl.Expr | pl.Series) -> pl.DataFrame:
    x = np.random.default_rng(4).normal(size=ROWS)
    return pl.DataFrame({"x": x, "y": np.where(x > 0, "yes", "no")}).with_columns(**more)


def said_of(frame: pl.DataFrame, folder: Path) -> list[str]:
    return list(mlwright.init("p", frame, "y", folder=folder).warnings)


@pytest.mark.promise("input.bad")
@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            pl.date(2024, 1, 1).dt.offset_by(pl.format("{}d", AT)).dt.strftime("%m/%d/%Y"),
            "not written as 2024",
        ),
        (
            pl.date(2024, 1, 1).dt.offset_by(pl.format("{}d", AT)).dt.strftime("%d.%m.%y 10:30"),
            "'01.01.24 10:30'",
        ),
        (pl.date(2024, 1, 1).dt.offset_by(pl.format("{}d", AT)).dt.strftime("%d-%b-%Y"), "'01-Jan-2024'"),
        (pl.format("${}.50", AT), "'odd' is text, although every value is a number, for example '$0.50'"),
        (pl.format("{} kg", AT), "although every value is a number, for example '0 kg'"),
        (
            pl.when(AT == 3).then(pl.lit("on request")).otherwise(pl.format("{},{}00 €", 1 + AT, AT % 9 + 1)),
            "1 of its 200 values are no numbers, for example 'on request'",
        ),
        (pl.format(" {} ", AT % 30), "is text, although every value is a number, for example ' 0 '"),
    ],
)
def test_texts_that_are_meant_as_something_else_are_said(tmp_path: Path, column: pl.Expr, said: str) -> None:
    assert any(said in sentence for sentence in said_of(table(odd=column), tmp_path))


def test_codes_and_words_are_no_such_texts() -> None:
    frame = table(
        code=pl.format("0{}", 1000 + AT),
        word=pl.lit("a"),
        version=pl.format("1.2.{}", AT),
        seat=pl.concat_str(AT % 30, pl.lit("ABCDEF").str.slice(AT % 6, 1)),
    )
    types = dict.fromkeys(("code", "word", "version", "seat", "y"), "string")
    assert inspect_table(frame, types) == []  # type: ignore[arg-type]  # literals


@pytest.mark.promise("input.bad")
def test_a_last_row_of_sums_is_said(tmp_path: Path) -> None:
    rows = pl.DataFrame({"shop": ["a", "b"] * 100, "n": range(200), "y": [0, 1, 1, 0] * 50})
    types = {"shop": "string", "n": "integer", "y": "integer"}
    named = pl.DataFrame({"shop": ["Grand total"], "n": [19_900], "y": [100]})
    for last in (named, named.with_columns(shop=pl.lit(None, dtype=pl.String))):
        (finding,) = inspect_table(pl.concat([rows, last]), types)  # type: ignore[arg-type]  # literals
        assert (finding.key, finding.severity, finding.evidence["columns"]) == (
            "row.total",
            "warning",
            ["n", "y"],
        )
    assert inspect_table(rows, types) == []  # type: ignore[arg-type]  # literals
    endless = rows.with_columns(n=pl.Series([float("inf"), float("-inf")] * 100))
    assert inspect_table(endless, types) == []  # type: ignore[arg-type]  # literals
    assert any("last row holds the sum" in said for said in said_of(pl.concat([rows, named]), tmp_path))


@pytest.mark.promise("input.bad")
@pytest.mark.parametrize("is_text", [False, True])
def test_numbers_too_long_for_a_number_are_names(tmp_path: Path, *, is_text: bool) -> None:
    odd = pl.Series([2**63 + 3 * at for at in range(ROWS)], dtype=pl.UInt64)
    frame = table(key=odd)
    (tmp_path / "t.csv").write_text(frame.write_csv())
    made = mlwright.init("p", tmp_path / "t.csv" if is_text else frame, "y", folder=tmp_path)
    found = {column.name: column for column in made.columns}["key"]
    assert (found.type, found.role) == ("string", "ignored")
    assert "every row has another value" in str(found.reason)


def test_whole_numbers_that_fit_stay_numbers(tmp_path: Path) -> None:
    big = pl.Series([10**17 + at for at in range(ROWS)])
    (tmp_path / "t.csv").write_text(table(big=big, float=big.cast(pl.Float64) * 1e6).write_csv())
    made = mlwright.init("p", tmp_path / "t.csv", "y", folder=tmp_path)
    assert {column.name: column.type for column in made.columns}["big"] == "integer"


@pytest.mark.promise("input.bad")
def test_classes_that_differ_in_writing_only_are_said(tmp_path: Path) -> None:
    frame = table(
        y=pl.when(AT % 2 == 0)
        .then(pl.lit("no"))
        .when(AT % 3 == 0)
        .then(pl.lit("Yes "))
        .otherwise(pl.lit("yes"))
    )
    assert any("'Yes ' and 'yes' are two values" in sentence for sentence in said_of(frame, tmp_path))


@pytest.mark.promise("input.bad")
def test_few_rows_of_a_class_and_few_rows_are_said(tmp_path: Path) -> None:
    rare = table(y=pl.when(AT < 3).then(pl.lit("yes")).otherwise(pl.lit("no")))
    assert any("3 rows only: too few to learn" in sentence for sentence in said_of(rare, tmp_path / "a"))
    assert any("bring 50" in sentence for sentence in said_of(table().head(30), tmp_path / "b"))


@pytest.mark.promise("input.bad")
def test_enough_of_a_small_table_is_held_out_for_a_run(tmp_path: Path) -> None:
    for rows, share in ((200, 0.2), (40, 0.3), (20, 0.5)):
        made = mlwright.init("p", table().head(rows), "y", folder=tmp_path / str(rows))
        data = tomllib.loads((Path(made.root) / "mlwright.toml").read_text())["data"]
        assert data["split"]["test_share"] == share
        assert (
            len(
                split_rows(
                    table().head(rows),
                    DataConfig(label="y", split=SplitConfig(test_share=share)),
                    task="binary",
                    seed=7,
                ).test
            )
            >= 10
        )


@pytest.mark.promise("input.bad")
@pytest.mark.parametrize(
    ("frame", "wishes", "code", "said"),
    [
        (table(y=pl.col("x") * 1e300), {}, "data.label-unusable", "at most 1e+30"),
        (table(y=pl.concat_list("x")), {}, "data.label-unusable", "List(Float64)"),
        (table(__type_errors=AT), {}, "usage", "mlwright's own"),
        (table(g=AT % 2), {"group": "g"}, "config.invalid", "the group 'g' has 2 values"),
        (pl.DataFrame(), {}, "data.column-missing", "no column 'y'"),
    ],
    ids=["huge", "list", "name", "groups", "nothing"],
)
def test_what_cannot_be_learned_is_refused(
    frame: pl.DataFrame, wishes: dict[str, str], code: str, said: str
) -> None:
    with pytest.raises(MlwrightError) as caught:
        infer_roles(frame, label="y", **wishes)  # type: ignore[arg-type]  # names of columns
    assert (caught.value.code, said in caught.value.message) == (code, True)


def test_a_group_of_single_rows_changes_nothing_and_says_so() -> None:
    roles = infer_roles(table(who=pl.format("p{}", AT)), label="y", group="who")
    assert any("as a group it changes nothing" in sentence for sentence in roles.warnings)


@pytest.mark.parametrize("factor", [1, 1_000, 1_000_000])
def test_whole_numbers_since_1970_are_a_time_by_their_name(factor: int) -> None:
    frame = table(event_time=(1_704_067_200 + 3600 * AT) * factor).sample(fraction=1.0, shuffle=True, seed=1)
    assert infer_roles(frame, label="y").time == "event_time"
    assert infer_roles(frame.rename({"event_time": "amount"}), label="y").time is None
    assert infer_roles(frame.with_columns(event_time=AT), label="y").time is None


@pytest.mark.promise("input.bad")
def test_labels_without_an_end_are_left_out_and_a_column_without_a_name_too(tmp_path: Path) -> None:
    frame = table(y=pl.when(AT % 50 == 0).then(float("inf")).otherwise(pl.col("x") * 3)).with_columns(
        pl.col("x").alias("")
    )
    made = mlwright.init("p", frame, "y", folder=tmp_path)
    assert {column.name: column.reason for column in made.columns}[""] == "it has no name"
    assert any("4 of 200 rows have no value of the label" in sentence for sentence in made.warnings)
    result = mlwright.run(made.root, trials=1)
    assert mlwright.predict("p@latest", frame, project=made.root).height == ROWS
    assert any("label.missing" in str(finding) for finding in result.findings)
