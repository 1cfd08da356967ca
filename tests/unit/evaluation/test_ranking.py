"""NDCG against scikit-learn, and ranked lists through a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import ndcg_score

import mlwright
from mlwright.errors import ConfigError
from mlwright.evaluation.ranking import ndcg_of_lists
from mlwright.evaluation.report import ranking_quality


@pytest.mark.promise("run.ranking")
@pytest.mark.parametrize("places", [3, 10])
def test_ndcg_agrees_with_scikit_learn_with_and_without_ties(places: int) -> None:
    rng = np.random.default_rng(5)
    sizes = rng.integers(2, 30, 40)
    lists = rng.permutation(np.repeat(np.arange(40), sizes))
    y = rng.integers(0, 4, len(lists)).astype(float)
    for p in (rng.normal(size=len(lists)), rng.integers(0, 3, len(lists)).astype(float)):
        found = ndcg_of_lists(y, p, lists, places=places)
        for code in range(40):
            rows = lists == code
            if y[rows].any():
                expected = ndcg_score(y[rows][None], p[rows][None], k=places)
                assert found[code] == pytest.approx(expected, abs=1e-12)
            else:
                assert np.isnan(found[code])


def test_rows_without_a_list_and_lists_without_a_relevant_row_do_not_count() -> None:
    y = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    p = np.array([0.9, 0.1, 0.2, 0.3, 0.8, 0.1, 0.0])
    said = ranking_quality(y, p, np.array([0, 0, 1, 1, 2, 2, -1]))
    assert (said["lists"], said["judged"]) == (3, 2)
    assert said["ndcg"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert said["unordered"] == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert ranking_quality(y, p, np.full(7, -1))["ndcg"] == {"value": None, "low": None, "high": None}


@pytest.mark.promise("run.ranking")
def test_a_run_keeps_lists_together_and_tells_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=1_200)
    table = pl.DataFrame(
        {"search": np.repeat(np.arange(120), 10), "x": x, "z": rng.normal(size=1_200)}
    ).with_columns(relevance=pl.Series(np.clip(np.round(x + 0.5 * rng.normal(size=1_200) + 1), 0, 4)))
    made = mlwright.init("shop", table, "relevance", folder=tmp_path, query="search", task="regression")
    assert {column.name: column.role for column in made.columns}["search"] == "group"
    result = mlwright.run(made.root, trials=1)
    assert result.ranking is not None
    assert result.ranking["lists"] == 24
    ndcg = result.ranking["ndcg"]
    assert isinstance(ndcg, dict)
    assert ndcg["low"] > float(str(result.ranking["unordered"])) + 0.1


def test_a_metric_of_another_task_is_refused_before_anything_runs(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": range(100), "y": ["a", "b"] * 50})
    made = mlwright.init("p", table, "y", folder=tmp_path)
    settings = made.root / "mlwright.toml"
    settings.write_text(settings.read_text().replace('metric = "auc"', 'metric = "rmse"'))
    with pytest.raises(ConfigError, match="a binary has not") as caught:
        mlwright.run(made.root, trials=1)
    assert "average_precision" in caught.value.hint
