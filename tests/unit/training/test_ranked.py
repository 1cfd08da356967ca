"""Rows of lists: kept together, fitted to their order, judged by NDCG, and of no use without an order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from sklearn.metrics import ndcg_score

import mlwright
from mlwright.data import make_folds, split_rows
from mlwright.data.lists import number_lists
from mlwright.errors import ConfigError, LabelUnusable
from mlwright.evaluation import HeldOut, judge, metric_value
from mlwright.project import DataConfig, GateConfig, SplitConfig
from mlwright.training.boosted import BoostedLearner
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.encoding import FoldMatrices
from mlwright.training.learner import FitTask
from mlwright.training.portfolio import BOOSTED, RANKED
from mlwright.training.problem import Problem
from mlwright.training.score import losses
from mlwright.training.search import PortfolioTrainer
from tests.unit.training.problems import Silence, problem
from tests.unit.training.ranked import lists_of

BY_LIST = DataConfig(query="search", group="search", split=SplitConfig(by="search"))


def codes(table: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found = number_lists(table, "search")
    assert found is not None
    return found


def ranked(table: pl.DataFrame) -> Problem:
    target, folds = table["relevance"].to_numpy().astype(float), make_folds
    made = problem(
        table.drop("search", "relevance"),
        target,
        task="regression",
        metric="ndcg",
        settings={"objective": "rank"},
    )
    parts = folds(table, target, BY_LIST, task="regression", seed=7)
    lists = codes(table)
    return Problem(**{**made.__dict__, "folds": parts, "lists": lists, "blocks": lists})


@pytest.mark.promise("train.ranking")
def test_a_run_learns_an_order_that_squared_errors_do_not_see(tmp_path: Path) -> None:
    table, unseen = lists_of(240, seed=3, differ=5.0), lists_of(240, seed=4, differ=5.0)
    values = {}
    for name in ("rank", "squared"):
        made = mlwright.init(name, table, "relevance", folder=tmp_path, query="search")
        assert made.task == "regression"
        assert any("objective rank" in sentence for sentence in made.assumed)
        settings = made.root / "mlwright.toml"
        settings.write_text(settings.read_text().replace('objective = "rank"', f'objective = "{name}"'))
        result = mlwright.run(made.root, trials=2)
        found = mlwright.predict(f"{name}@1", unseen, project=made.root)["prediction"].to_numpy()
        values[name] = metric_value("ndcg", unseen["relevance"], found, lists=codes(unseen))
    assert values["rank"] > values["squared"] + 0.05
    assert result.ranking is not None
    assert result.ranking["ndcg"] == result.metrics["ndcg"]


@pytest.mark.promise("train.ranking")
def test_an_order_is_packaged_exported_and_repeated_exactly(tmp_path: Path) -> None:
    digests = []
    for folder in ("one", "two"):
        made = mlwright.init(
            "shop", lists_of(150, seed=5), "relevance", folder=tmp_path / folder, query="search"
        )
        result = mlwright.run(made.root, trials=3)
        digests.append(result.digest)
        assert result.verdict == "pass"
    assert digests[0] == digests[1]
    assert (
        mlwright.export_model("shop@1", tmp_path / "shop.onnx", project=made.root).largest_difference < 1e-12
    )
    assert len(ort.InferenceSession(tmp_path / "shop.onnx").get_outputs()) == 1


@pytest.mark.promise("train.ranking")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_relevance_that_nothing_tells_blocks_a_model(tmp_path: Path, seed: int) -> None:
    table = lists_of(240, seed=seed, is_null=True)
    made = mlwright.init("shop", table, "relevance", folder=tmp_path, query="search")
    result = mlwright.run(made.root, trials=2)
    assert result.ranking is not None
    ndcg, chance = result.ranking["ndcg"], float(str(result.ranking["unordered"]))
    assert isinstance(ndcg, dict)
    assert ndcg["low"] < chance < ndcg["high"]
    assert result.verdict != "pass"


def test_losses_of_rows_are_those_of_their_lists() -> None:
    asked = ranked(lists_of(60, seed=2))
    rows = np.sort(np.random.default_rng(1).permutation(asked.frame.height)[:400])
    margins = np.random.default_rng(2).normal(size=400)
    assert asked.lists is not None
    each = [
        1 - ndcg_score(asked.target[rows][same][None], margins[same][None], k=10)
        for code in np.unique(asked.lists[rows])
        if len(same := np.flatnonzero(asked.lists[rows] == code)) > 1 and asked.target[rows][same].any()
    ]
    alone = [
        0.0
        for code in np.unique(asked.lists[rows])
        if len(same := np.flatnonzero(asked.lists[rows] == code)) == 1 and asked.target[rows][same].any()
    ]
    assert losses(asked, rows, margins).mean() == pytest.approx(np.mean([*each, *alone]), rel=1e-9)


def test_rows_of_a_list_in_any_order_give_the_same_stop_by_ndcg() -> None:
    """Rows that stand by their relevance must not make equal scores look ordered."""
    table = lists_of(120, seed=6, is_null=True).sort("search", "relevance", descending=[False, True])
    asked = ranked(table)
    made = FoldMatrices(asked).of(0, "native")
    model = BoostedLearner().fit(
        BOOSTED[0],
        FitTask(made.train, made.valid, "regression", 0, 1, None, lambda _: False, is_ranked=True),
    )
    valid = asked.folds.folds[0].valid
    assert asked.lists is not None
    found = metric_value(
        "ndcg", asked.target[valid], model.margins(made.valid.values), lists=asked.lists[valid]
    )
    chance = metric_value("ndcg", asked.target[valid], np.zeros(len(valid)), lists=asked.lists[valid])
    assert found < chance + 0.06


@pytest.mark.promise("train.ranking")
@pytest.mark.parametrize("by", ["random", "search", "when"])
def test_no_list_stands_on_both_sides(by: str) -> None:
    table = lists_of(200, seed=8).sort("search")
    table = table.with_columns(when=pl.int_range(pl.len()) + 0.0)
    data = DataConfig(query="search", time="when", split=SplitConfig(by=by))
    target = table["relevance"].to_numpy().astype(float)
    lists = codes(table)
    held = split_rows(table, data, task="regression", seed=7)
    sides = [(held.train, held.test)]
    sides += [
        (fold.train, fold.valid) for fold in make_folds(table, target, data, task="regression", seed=7).folds
    ]
    for train, asked in sides:
        assert len(train)
        assert not set(lists[train]) & set(lists[asked])
    assert ("train nothing" in held.description) is (by == "when")


def test_what_returns_keeps_its_earlier_rows() -> None:
    table = lists_of(200, seed=8).with_columns(when=pl.int_range(pl.len()) + 0.0)  # in random order
    data = DataConfig(query="search", time="when", split=SplitConfig(by="when"))
    held = split_rows(table, data, task="regression", seed=7)
    assert len(held.train) + len(held.test) == table.height


@pytest.mark.promise("train.ranking")
def test_gates_ask_for_more_ndcg_and_draw_whole_lists() -> None:
    rng = np.random.default_rng(3)
    lists, y = np.repeat(np.arange(200), 6), rng.integers(0, 4, 1_200).astype(float)
    good, poor = y + rng.normal(size=1_200), rng.normal(size=1_200)
    value = metric_value("ndcg", y, good, lists=lists)
    gate = GateConfig("ndcg", at_least=round(value - 0.05, 3), no_worse_than="champion")
    assert judge(gate, HeldOut(y, good, champion=poor, blocks=lists)).answer == "pass"
    assert judge(gate, HeldOut(y, poor, champion=good, blocks=lists)).answer == "fail"
    few = lists < 3
    assert judge(gate, HeldOut(y[few], good[few], blocks=lists[few])).answer == "inconclusive"


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('query = "search"', 'id = "search"', ConfigError, "names no `query`"),
        ('metric = "ndcg"', 'metric = "auc"', ConfigError, "a regression has not"),
        ('task = "regression"', 'task = "binary"', ConfigError, "the objective 'rank'"),
    ],
)
def test_what_ranks_needs_lists(
    tmp_path: Path, old: str, new: str, error: type[mlwright.MlwrightError], said: str
) -> None:
    made = mlwright.init("shop", lists_of(60, seed=1), "relevance", folder=tmp_path, query="search")
    settings = made.root / "mlwright.toml"
    settings.write_text(settings.read_text().replace(old, new))
    with pytest.raises(error, match=said):
        mlwright.run(made.root, trials=1)


def test_relevance_below_zero_is_refused(tmp_path: Path) -> None:
    table = lists_of(60, seed=1)
    made = mlwright.init("shop", table, "relevance", folder=tmp_path, query="search")
    table.with_columns(pl.col("relevance") - 1).write_parquet(made.root / "data" / "train.parquet")
    with pytest.raises(LabelUnusable, match="below 0") as caught:
        mlwright.run(made.root, trials=1)
    assert "squared" in caught.value.hint


def test_clicks_that_are_truth_values_stay_probabilities_and_may_be_judged_by_ndcg(tmp_path: Path) -> None:
    table = lists_of(150, seed=9, differ=0.3).with_columns(clicked=pl.col("relevance") > 1).drop("relevance")
    made = mlwright.init("shop", table, "clicked", folder=tmp_path, query="search")
    assert made.task == "binary"
    settings = made.root / "mlwright.toml"
    settings.write_text(settings.read_text().replace('metric = "auc"', 'metric = "ndcg"'))
    result = mlwright.run(made.root, trials=2)
    assert result.verdict == "pass"
    constant, *_, best = [rung["value"] for rung in result.ladder]  # type: ignore[index]  # JSON
    assert best > constant + 0.1
    assert "auc" in result.metrics


def test_a_booster_of_the_label_itself_races_along() -> None:
    clock = BudgetClock(Budget(60.0, 3))
    fitted = PortfolioTrainer.standard().fit(ranked(lists_of(80, seed=4)), clock, Silence())
    assert [one.candidate.name for one in fitted.tried] == ["linear", BOOSTED[0].name, RANKED.name]
    assert fitted.link == "identity"
