"""Tables that nobody here made, from file to predictions of rows that no run has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from tests.datasets import adult, islp
from tests.journey.conftest import Shell


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    assert request.config.cache is not None
    return Path(request.config.cache.mkdir("datasets"))


def learn(
    shell: Shell, table: pl.DataFrame, label: str, *wishes: str, seconds: str
) -> tuple[Shell, pl.DataFrame]:
    """Make a project from three quarters of the rows; give it, and predictions of the others beside them."""
    known = pl.Series(np.random.default_rng(1).random(table.height) < 0.75)
    table.filter(known).write_csv(shell.folder / "known.csv")
    unseen = table.filter(~known)
    unseen.drop(label).write_parquet(shell.folder / "unseen.parquet")
    shell.good("init", "p", "--data", "known.csv", "--label", label, *wishes)
    project = Shell(shell.folder / "p")
    assert project.good("run", "--budget-cpu-s", seconds)["verdict"] == "pass"
    out = "predictions.parquet"
    project.good("predict", "--model", "p@champion", "--data", "../unseen.parquet", "--out", out)
    found = pl.read_parquet(project.folder / out)
    assert found.height == unseen.height
    return project, pl.concat([unseen.select(actual=label), found], how="horizontal")


@pytest.mark.promise("real.tables")
def test_incomes_of_a_census_are_told_apart(shell: Shell, folder: Path) -> None:
    project, found = learn(shell, adult(folder), "income", "--positive", ">50K", seconds="12")
    said = project.good("model", "show", "p@1")["metrics"]["auc"]
    reached = roc_auc_score(found["actual"] == ">50K", found["score"])
    assert reached > 0.9
    assert abs(reached - said["value"]) < 0.02
    assert set(found["prediction"].unique()) == {"<=50K", ">50K"}


@pytest.mark.promise("real.tables", "input.bad")
def test_wages_are_predicted_once_their_logarithm_is_left_out(shell: Shell, folder: Path) -> None:
    table = islp("Wage", folder)
    table.write_csv(shell.folder / "all.csv")
    odd = shell.good("init", "leaking", "--data", "all.csv", "--label", "wage")["warnings"]
    assert any(sentence.startswith("'logwage' alone tells the label") for sentence in odd)
    leaking = Shell(shell.folder / "leaking")("run", "--budget-cpu-s", "3", "--json")
    assert (leaking.code, leaking.json()["moved"]) == (3, "")
    _, found = learn(shell, table, "wage", "--ignore", "logwage", seconds="6")
    errors = found["actual"] - found["prediction"]
    assert (errors**2).mean() < 0.75 * float(found["actual"].var() or 0.0)


@pytest.mark.promise("real.tables")
def test_where_cars_were_made_is_told_from_few_rows(shell: Shell, folder: Path) -> None:
    origins = pl.col("origin").replace_strict({1: "America", 2: "Europe", 3: "Japan"})
    table = islp("Auto", folder).with_columns(origins).drop("name")
    _, found = learn(shell, table, "origin", seconds="4")
    assert accuracy_score(found["actual"], found["prediction"]) > 0.72
    scores = found.select(pl.col("^score_.*$"))
    assert scores.columns == ["score_America", "score_Europe", "score_Japan"]
    assert np.allclose(scores.to_numpy().sum(axis=1), 1.0)
