"""A forest of scikit-learn adds up, is served and explained as it was trained, and wins where it is best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestRegressor

from mlwright.features import native_columns
from mlwright.lifecycle.contributions import explain_rows, row_seconds, unexplained
from mlwright.lifecycle.learners import installed_learners
from mlwright.lifecycle.lowering import Lowered, library_answers, lower
from mlwright.packaging.export_check import check_export
from mlwright.packaging.exporting import lower_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Task
from mlwright.training.blend import blend
from mlwright.training.boosted import MOST_NODES, BoostedLearner
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.cost import fit_seconds, nodes_of
from mlwright.training.encoding import encode_all
from mlwright.training.forest import MOST_DRAWN, ForestLearner, ForestModel, read_forest
from mlwright.training.full import fit_full
from mlwright.training.learner import Candidate, FitTask, FittedModel, Floats, Matrix
from mlwright.training.linear import LinearLearner
from mlwright.training.portfolio import BOOSTED, FOREST, boosted_candidates
from mlwright.training.problem import Problem
from mlwright.training.race import Race
from mlwright.training.score import LINKS, predictions, row_losses
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Calibration, Fitted, Member
from tests.unit.training.problems import Silence, problem, rare
from tests.unit.training.published import published

ROWS = 900
TASKS: tuple[tuple[Task, int], ...] = (("binary", 2), ("multiclass", 4), ("regression", 0))
TRIALS = 6  # the forest is the last of them


def table(seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    hole = rng.normal(size=ROWS)
    hole[rng.random(ROWS) < 0.2] = np.nan
    if seed != 1:  # rows that are asked only
        hole[:3] = np.inf, -np.inf, 1e300
    return pl.DataFrame(
        {
            "signal": rng.normal(size=ROWS),
            "other": rng.normal(size=ROWS),
            "hole": pl.Series(hole).fill_nan(None),
            "shape": pl.Series(rng.choice(["round", "square", ""], ROWS)).replace("", None),
            "shop": rng.choice([f"s{number}" for number in range(60)], ROWS),
        }
    )


def target_of(frame: pl.DataFrame, task: Task) -> Floats:
    rng = np.random.default_rng(3)
    wave = np.sin(3 * frame["signal"].to_numpy()) * frame["other"].to_numpy()
    noisy = 2 * wave + (frame["shape"].fill_null("") == "round").to_numpy() + 0.5 * rng.normal(size=ROWS)
    if task == "binary":
        return np.asarray(noisy > 0.8, dtype=np.float64)
    if task == "multiclass":
        return np.digitize(noisy, [-0.5, 0.7]).astype(np.float64)  # the fourth class has no row
    return np.asarray(10 * noisy - 1e6)


class Lazy:
    """LightGBM that always makes two rounds."""

    def fit(self, candidate: Candidate, task: FitTask) -> FittedModel:
        return BoostedLearner().fit(candidate, replace(task, rounds=2, valid=None))


def asked(task: Task, classes: int) -> Problem:
    frame = table()
    return replace(problem(frame, target_of(frame, task), task=task, classes=classes), full_share=1.0)


def won(task: Task, classes: int, *, watch: Silence | None = None) -> tuple[Problem, Fitted]:
    """Search with boosters that are no good, so that the forest is kept."""
    given = replace(asked(task, classes), metric="rmse" if task == "regression" else "log_loss")
    trainer = PortfolioTrainer({"lightgbm": Lazy(), "forest": ForestLearner(), "linear": LinearLearner()})
    return given, trainer.fit(given, BudgetClock(Budget(60.0, TRIALS)), watch or Silence())


def check_answers(lowered: Lowered, given: Problem, folder: Path) -> None:
    """Compare the package, its graph and its contributions with the libraries, also on rows never seen."""
    task, inputs = given.task, list(given.inputs)
    unseen = pl.concat([table(), table(2).with_columns(shop=pl.lit("new"))])
    trained = library_answers(lowered.members, unseen, inputs, task)
    package = published(lowered, given, folder)
    packaged = PackagePredictor(package).predict_columns(native_columns(unseen, inputs), unseen.height)
    scale = np.maximum(1.0, np.abs(trained))
    assert np.max(np.abs(packaged.reshape(trained.shape) - trained) / scale) < 1e-12
    graph = lower_package(package, {"mlwright.release": "0"})
    report = check_export(package, graph, real=None, tell=lambda share, text: None)
    assert report.label_flips == 0
    assert report.largest_difference < 1e-9 * scale.max()
    assert unexplained(lowered.members) == ""
    assert row_seconds(lowered.members) > 0
    margins = explain_rows(lowered.members, unseen[:200], inputs, task).margins
    explained = predictions(task, margins if task == "multiclass" else margins[:, 0])
    assert np.max(np.abs(explained - trained[:200]) / scale[:200]) < 1e-9


@pytest.mark.promise("train.forest")
@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_a_forest_that_wins_is_served_exported_and_explained_as_it_was_trained(
    tmp_path: Path, task: Task, classes: int
) -> None:
    given, fitted = won(task, classes)
    assert fitted.facts["kept"] == "forest"
    assert [member.candidate for member in fitted.members] == [FOREST]
    assert [finding.name for finding in fitted.findings if finding.name != "unstable.candidate"] == []
    lowered = lower(fitted)
    assert lowered.engine == ("blend" if fitted.calibration.knots else "trees")
    check_answers(lowered, given, tmp_path)


@pytest.mark.promise("train.forest", "train.trials")
def test_equal_trials_with_a_forest_give_equal_bytes_also_after_a_killed_run() -> None:
    watch = Silence()
    first = lower(won("binary", 2, watch=watch)[1])
    assert lower(won("binary", 2)[1]) == first
    assert lower(won("binary", 2, watch=watch)[1]) == first


@pytest.mark.promise("train.forest", "train.full")
def test_a_forest_learns_all_rows_with_as_many_trees() -> None:
    given, fitted = won("binary", 2)
    assert fitted.full_plan is not None
    members = fit_full(
        fitted.full_plan, given, installed_learners(), more=1.25, tick=lambda _: False, say=lambda *_: None
    )
    assert members is not None
    assert [one.model.rounds for one in members] == [one.model.rounds for one in fitted.members] == [60]


@pytest.mark.promise("train.forest")
@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_a_forest_and_a_booster_add_up_in_one_model(tmp_path: Path, task: Task, classes: int) -> None:
    given, members = asked(task, classes), []
    for candidate, weight in ((BOOSTED[0], 0.6), (FOREST, 0.4)):
        transform, rows = encode_all(given, candidate.encoding)
        learner = installed_learners()[candidate.family]
        model = learner.fit(candidate, FitTask(rows, None, task, classes, 5, 20, lambda _: False))
        members.append(Member(candidate, weight, model, transform))
    line = Calibration(1.1, 0.2) if task == "binary" else Calibration()
    lowered = lower(Fitted(tuple(members), LINKS[task], line, 0.5, (), (), (), np.zeros(0)))
    assert lowered.engine == "trees"
    check_answers(lowered, given, tmp_path)


@pytest.mark.promise("train.forest")
def test_the_default_portfolio_tries_a_forest() -> None:
    frame, target = rare(0.3, 400)
    fitted = PortfolioTrainer.standard().fit(
        problem(frame, target), BudgetClock(Budget(60.0, TRIALS)), Silence()
    )
    assert "forest-60" in [one.candidate.name for one in fitted.tried]
    learners = installed_learners()
    assert FOREST in list(boosted_candidates(learners))
    assert FOREST.family in PortfolioTrainer.standard().learners
    assert FOREST.family in learners


def matrix(rows: int = 2_000, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(rows, 4))


def fit(target: Floats, *, task: str = "binary", classes: int = 2, last: int = 10**9, **more) -> ForestModel:
    given = Matrix(matrix(len(target)), target, more.pop("weight", np.ones(len(target))))
    tick = lambda number: number >= last  # noqa: E731
    return ForestLearner().fit(FOREST, FitTask(given, None, task, classes, 4, None, tick, **more))  # type: ignore[arg-type]


@pytest.mark.promise("train.forest")
def test_log_odds_in_leaves_are_as_good_as_chances_allow() -> None:
    values, unseen = matrix(), matrix(seed=2)

    def truth(rows: Floats) -> Floats:
        return np.asarray(2.0 * np.sin(2 * rows[:, 0]) - 1.5)

    def drawn(rows: Floats, seed: int) -> Floats:
        chance = 1 / (1 + np.exp(-truth(rows)))
        return (np.random.default_rng(seed).random(len(rows)) < chance).astype(np.float64)

    margins, target = fit(drawn(values, 3)).margins(unseen), drawn(unseen, 4)
    least = row_losses("binary", target, truth(unseen)).mean()
    rate = float(target.mean())
    none = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    assert row_losses("binary", target, margins).mean() < least + 0.35 * (none - least)
    told = 1 / (1 + np.exp(-margins))
    for low, high in ((0.0, 0.15), (0.15, 0.4), (0.4, 1.0)):  # what it says is what happens
        inside = (told >= low) & (told < high)
        error = 3 * np.sqrt(0.25 / inside.sum())
        assert abs(told[inside].mean() - target[inside].mean()) < error


@pytest.mark.promise("train.forest")
def test_a_forest_is_the_one_of_scikit_learn_and_its_dump_reads_back() -> None:
    target = 5.0 + matrix()[:, 0] ** 2
    model = fit(target, task="regression")
    again = read_forest(model.dump().text)
    assert np.array_equal(
        model.scale * again.margins(matrix(seed=3)) + model.shift, model.margins(matrix(seed=3))
    )
    peer = RandomForestRegressor(
        60, max_leaf_nodes=500, min_samples_leaf=5, max_features=2, max_samples=2_000, random_state=4
    ).fit(matrix().astype(np.float32), (target - model.shift) / model.scale)
    said = model.scale * peer.predict(matrix(seed=3)) + model.shift
    assert np.abs(said - model.margins(matrix(seed=3))).max() < 1e-9
    assert fit(target, task="regression").dump() == model.dump()


@pytest.mark.promise("train.forest", "train.budget")
def test_a_forest_keeps_to_its_time_its_rows_and_its_nodes() -> None:
    target = (matrix()[:, 0] > 0).astype(np.float64)
    assert fit(target, last=20).rounds == 20
    many = fit(np.arange(2_000.0) % 10, task="multiclass", classes=10)
    held = sum(tree.n_leaves for tree, _ in many.trees) * 10
    assert held <= nodes_of(FOREST, 60, 10) <= int(FOREST.settings["most_nodes"]) < MOST_NODES
    frame = pl.DataFrame(matrix(50_000))
    large = problem(frame, (frame["column_0"] > 0).to_numpy().astype(float))
    seconds = [fit_seconds(large, FOREST, rows=rows, rounds=60) for rows in (MOST_DRAWN, 10**5, 10**7)]
    assert seconds[0] < seconds[1] == seconds[2] < 3.0


@pytest.mark.parametrize("odd", ["one class", "five rows", "no columns", "heavy rows"])
def test_odd_rows_give_a_forest_of_finite_sums(odd: str) -> None:
    target = (matrix()[:, 0] > 0).astype(np.float64)
    if odd == "no columns":
        given = Matrix(np.zeros((50, 0)), target[:50], np.ones(50))
        model = ForestLearner().fit(FOREST, FitTask(given, None, "binary", 2, 4, None, lambda _: False))
        assert np.isfinite(model.margins(np.zeros((3, 0)))).all()
        return
    weight = np.where(matrix()[:, 1] > 0, 1e6, 1e-6) if odd == "heavy rows" else np.ones(2_000)
    rows = 5 if odd == "five rows" else 2_000
    told = np.zeros(rows) if odd == "one class" else target[:rows]
    found = fit(told, weight=weight[:rows]).margins(np.array([[1e300, -1e300, np.inf, 0.0], [0.0] * 4]))
    assert np.isfinite(found).all()


@pytest.mark.promise("train.forest")
def test_a_forest_that_is_surely_worse_is_given_up_and_joins_no_blend() -> None:
    x = matrix()
    line = problem(pl.DataFrame(x), 10 * x[:, 0] + x[:, 1], task="regression", classes=0, metric="rmse")
    learners = {"lightgbm": BoostedLearner(), "forest": ForestLearner()}
    race = Race(line, learners, BudgetClock(Budget(60.0, 9)), Silence())
    best = race.run(next(iter(boosted_candidates())), seconds=9.0, say=lambda _: None)
    forest = race.run(FOREST, seconds=9.0, say=lambda _: None)
    assert forest.rejected.startswith("surely worse after 2 of")
    assert race.mixable == [best]
    assert list(blend(line, race.mixable).weights) == [0]
