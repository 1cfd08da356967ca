"""Lists of rows: from a table of searches to a served order."""

from __future__ import annotations

import polars as pl
import pytest

from tests.journey.conftest import Shell
from tests.unit.training.ranked import lists_of


@pytest.mark.promise("train.ranking")
def test_searches_become_scores_that_a_server_gives_too(shell: Shell) -> None:
    lists_of(200, seed=3).write_parquet(shell.folder / "searches.parquet")
    lists_of(5, seed=4).write_parquet(shell.folder / "new.parquet")
    made = shell("init", "shop", "--data", "searches.parquet", "--label", "relevance", "--query", "search")
    assert made.code == 0, made.err
    assert "objective rank" in made.out
    project = Shell(shell.folder / "shop")
    run = project("run", "--trials", "2")
    assert run.code == 0, run.out + run.err
    assert "NDCG of the first 10 places" in run.out
    project.good("predict", "--model", "shop@latest", "--data", "../new.parquet", "--out", "../new.csv")
    scores = pl.read_csv(shell.folder / "new.csv")
    assert scores.columns == ["prediction"]
    project.good("model", "report", "shop@latest", "--out", "report.html")
    assert "ndcg without any order" in (project.folder / "report.html").read_text()
    asked = pl.read_parquet(shell.folder / "new.parquet").drop("search", "relevance")
    with project.running("serve") as client:
        served = [answer["prediction"] for answer in client.predict(*asked.to_dicts())]
    assert served == pytest.approx(scores["prediction"].to_list(), abs=1e-12)
