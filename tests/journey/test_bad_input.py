"""Every kind of bad table ends in a finding or an error with a hint, through the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.journey.conftest import Done, Shell

ROWS = 300


def good_table(rows: int = ROWS) -> pl.DataFrame:
    generator = np.random.default_rng(5)
    x = generator.normal(size=rows)
    label = (x + generator.normal(size=rows) > 0).astype(int)
    return pl.DataFrame(
        {"x": x, "z": generator.normal(size=rows), "c": generator.choice(list("abc"), rows), "y": label}
    )


def moments(rows: int = ROWS) -> pl.Series:
    start = datetime(2024, 1, 1)  # noqa: DTZ001  # a column without a zone
    return pl.Series("t", [start + timedelta(hours=hour) for hour in range(rows)])


def make(shell: Shell, table: pl.DataFrame | str, *wishes: str) -> Done:
    path = shell.folder / "table.csv"
    path.write_text(table) if isinstance(table, str) else table.write_csv(path)
    return shell("init", "shop", "--data", "table.csv", "--label", "y", "--json", *wishes)


def refusal(done: Done, code: str) -> dict[str, str]:
    assert done.code == 1, done.out
    assert "Traceback" not in done.err
    problem: dict[str, str] = done.json()["error"]
    assert problem["code"] == code
    assert problem["hint"]
    return problem


def run_findings(shell: Shell) -> list[dict[str, object]]:
    done = Shell(shell.folder / "shop")("run", "--budget-cpu-s", "2", "--json")
    assert done.code in (0, 3), done.err
    found: list[dict[str, object]] = done.json()["findings"]
    return found


@pytest.mark.promise("input.bad")
@pytest.mark.parametrize(
    ("name", "table", "code", "said"),
    [
        ("an empty file", "", "data.unreadable", "is empty"),
        ("a header only", "x,z,c,y\n", "data.too-few-rows", "no rows"),
        ("five rows", good_table().head(5), "data.too-few-rows", "5 rows"),
        ("one class", good_table().with_columns(y=pl.lit("no")), "data.label-unusable", "one value only"),
        ("a constant label", good_table().with_columns(y=pl.lit(2.5)), "data.label-unusable", "2.5"),
        ("an empty label", good_table().with_columns(y=pl.lit("")), "data.label-unusable", "empty"),
        ("no label", good_table().rename({"y": "yy"}), "data.column-missing", "no column 'y'"),
        ("a name twice", "x,x,y\n1,2,3\n", "data.column-repeated", "2 columns of 'table.csv'"),
        (
            "too many classes",
            good_table().with_columns(y=pl.format("k{}", pl.int_range(ROWS))),
            "data.label-unusable",
            "at most 100 classes",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_table_that_cannot_be_learned_is_refused_with_a_hint(
    shell: Shell, name: str, table: pl.DataFrame | str, code: str, said: str
) -> None:
    assert said in refusal(make(shell, table), code)["message"]
    assert not (shell.folder / "shop").exists()


@pytest.mark.promise("input.bad")
def test_a_project_whose_file_becomes_empty_is_refused_by_run(shell: Shell) -> None:
    assert make(shell, good_table()).code == 0
    for text, code in (("", "data.unreadable"), ("x,x,z,c,y\n", "data.column-repeated")):
        (shell.folder / "table.csv").write_text(text)
        refusal(Shell(shell.folder / "shop")("run", "--json"), code)
    (shell.folder / "table.csv").write_text("x,z,c,y\n")
    refusal(Shell(shell.folder / "shop")("run", "--json"), "data.too-few-rows")


@pytest.mark.promise("input.bad")
def test_an_empty_column_is_ignored_and_the_rest_is_learned(shell: Shell) -> None:
    done = make(shell, good_table().with_columns(hole=pl.lit(None, dtype=pl.Float64)))
    columns = {column["name"]: column for column in done.json()["columns"]}
    assert columns["hole"]["role"] == "ignored"
    assert columns["hole"]["reason"] == "it is always empty"
    run_findings(shell)


@pytest.mark.promise("input.bad")
def test_mixed_types_in_a_column_are_a_finding(shell: Shell) -> None:
    odd = pl.when(pl.int_range(ROWS) % 10 == 0).then(pl.lit("oops")).otherwise(pl.col("x").cast(pl.String))
    done = make(shell, good_table().with_columns(x=odd))
    assert any("'oops'" in sentence for sentence in done.json()["warnings"])
    found = {item["key"]: item for item in run_findings(shell)}
    assert found["column.mixed:x"]["advice"]


@pytest.mark.promise("input.bad")
def test_times_with_and_without_a_zone_are_a_finding_and_no_time(shell: Shell) -> None:
    text = moments().dt.strftime("%Y-%m-%dT%H:%M:%S")
    zoned = pl.when(pl.int_range(ROWS) % 2 == 0).then(text + "+02:00").otherwise(text)
    table = good_table().with_columns(t=zoned)
    done = make(shell, table)
    assert any("name a zone and others do not" in sentence for sentence in done.json()["warnings"])
    problem = refusal(
        shell("init", "other", "--data", "table.csv", "--label", "y", "--time", "t", "--json"),
        "data.time-unusable",
    )
    assert "UTC" in problem["hint"]


@pytest.mark.promise("input.bad")
def test_future_dates_are_a_finding(shell: Shell) -> None:
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=400)
    odd = pl.when(pl.int_range(ROWS) % 30 == 0).then(pl.lit(later)).otherwise(moments())
    done = make(shell, good_table().with_columns(t=odd))
    assert any("'t' lies in the future in 10 of 300 rows" in item for item in done.json()["warnings"])
    assert "time.future:t" in {item["key"] for item in run_findings(shell)}


@pytest.mark.promise("input.bad")
def test_a_label_among_the_features_is_told(shell: Shell) -> None:
    done = make(shell, good_table().with_columns(outcome=pl.col("y")))
    assert any(sentence.startswith("'outcome' alone tells the label") for sentence in done.json()["warnings"])


@pytest.mark.promise("input.bad")
def test_a_hundred_classes_are_learned(shell: Shell) -> None:
    rows = 2000
    kind = np.arange(rows) % 100
    x = kind + np.random.default_rng(3).normal(size=rows)
    assert make(shell, pl.DataFrame({"x": x, "y": [f"k{code:03d}" for code in kind]})).code == 0
    run_findings(shell)


@pytest.mark.promise("input.bad")
def test_ten_thousand_columns_make_a_project(shell: Shell) -> None:
    numbers = np.random.default_rng(1).normal(size=(200, 10_000))
    table = pl.DataFrame(numbers, schema=[f"c{at}" for at in range(10_000)])
    table.with_columns(y=pl.Series((numbers[:, 0] > 0).astype(int))).write_parquet(
        shell.folder / "wide.parquet"
    )
    done = shell("init", "wide", "--data", "wide.parquet", "--label", "y", "--json")
    assert done.code == 0, done.err
    assert sum(column["role"] == "input" for column in done.json()["columns"]) == 10_000
    assert any("'c0' alone tells the label" in sentence for sentence in done.json()["warnings"])


@pytest.mark.promise("input.bad")
def test_a_model_of_a_very_wide_table_asks_for_the_columns_that_it_reads(shell: Shell) -> None:
    generator = np.random.default_rng(2)
    numbers = generator.normal(size=(400, 1_300))
    table = pl.DataFrame(numbers, schema=[f"c{at}" for at in range(1_300)])
    label = (numbers[:, 3] + numbers[:, 1_200] + generator.normal(size=400) > 0).astype(int)
    assert make(shell, table.with_columns(y=pl.Series(label))).code == 0
    [finding] = [one for one in run_findings(shell) if one["name"] == "columns.screened"]
    project = Shell(shell.folder / "shop")
    [package] = (shell.folder / "shop" / ".mlwright" / "packages").glob("*/manifest.json")
    manifest = json.loads(package.read_text())
    asked = [column["name"] for column in manifest["signature"]["inputs"]]
    assert len(asked) < 1_300
    assert {"c3", "c1200"} <= set(asked)
    assert asked == [name for name in table.columns if name in set(asked)]
    table.select(asked).write_csv(shell.folder / "asked.csv")
    project.good("predict", "--model", "shop@1", "--data", "../asked.csv", "--out", "scores.csv")
    scores = pl.read_csv(shell.folder / "shop" / "scores.csv")["score"].to_numpy()
    assert np.corrcoef(scores, label)[0, 1] > 0.5
    assert "1,300 columns" in str(finding["text"])


@pytest.mark.promise("input.bad")
@pytest.mark.parametrize("name", ["table.parquet", "table.arrow"])
def test_an_empty_binary_file_is_refused(shell: Shell, name: str) -> None:
    Path(shell.folder / name).write_bytes(b"")
    done = shell("init", "shop", "--data", name, "--label", "y", "--json")
    assert refusal(done, "data.unreadable")["message"] == f"{name!r} is empty"
