"""The main job from a Python program."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import mlwright
from tests.journey.conftest import customers


@pytest.mark.promise("sdk.frames")
def test_a_program_makes_a_project_runs_it_and_predicts(tmp_path: Path) -> None:
    table = customers(800)
    made = mlwright.init("churn", table, "left", folder=tmp_path, positive="yes", id="Customer ID")
    assert (made.task, made.positive) == ("binary", "yes")
    assert pl.read_parquet(made.root / "data" / "train.parquet").equals(table)
    first = mlwright.run(made.root, trials=1)
    assert (first.reference, first.is_cached) == ("churn@1", False)
    assert mlwright.run(made.root, trials=1).is_cached
    found = mlwright.predict("churn@latest", table.lazy(), project=made.root)
    assert found.columns == ["prediction", "score"]
    table.write_csv(tmp_path / "again.csv")
    again = mlwright.predict("churn@latest", tmp_path / "again.csv", project=made.root)
    assert again.equals(found)
    with pytest.raises(mlwright.MlwrightError) as caught:
        mlwright.init("churn", table, "left", folder=tmp_path)
    assert caught.value.code == "project.exists"
