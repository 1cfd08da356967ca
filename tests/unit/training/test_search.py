"""The portfolio trainer is repeatable, keeps to its budget, resumes, and survives odd labels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.errors import TrainingError
from mlwright.evaluation import metric_value
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.project import DataConfig, MetricName, SplitConfig, TrainingConfig
from mlwright.training.blend import blend, nested_margins
from mlwright.training.budget import After, Budget, BudgetClock
from mlwright.training.calibration import calibrate_margins, fit_line
from mlwright.training.cost import guess_cost
from mlwright.training.effort import plan_effort
from mlwright.training.learner import Candidate, FitTask, Matrix
from mlwright.training.linear import MOST_LINEAR_ROWS, LinearLearner, most_linear_rows
from mlwright.training.problem import Problem
from mlwright.training.sample import sample_rows
from mlwright.training.score import is_better, row_losses
from mlwright.training.search import PortfolioTrainer
from mlwright.training.threshold import choose_threshold
from mlwright.training.trainer import Fitted, OutOfFold
from tests.unit.training.problems import Silence, problem, rare


def fit(
    asked: Problem, *, trials: int | None = 2, seconds: float = 60.0, watch: Silence | None = None
) -> Fitted:
    clock = BudgetClock(Budget(seconds, trials))
    return PortfolioTrainer.standard().fit(asked, clock, watch or Silence())


@pytest.mark.promise("run.baseline")
def test_half_a_percent_of_positives_is_enough_to_learn_from() -> None:
    asked = problem(*rare(0.005, 12_000), metric="average_precision", settings={"threshold": "best_f1"})
    fitted = fit(asked)
    values = {rung.name: rung.value for rung in fitted.ladder}
    assert values["LightGBM"] > 0.3
    assert values["constant"] < 0.02
    frame, target = rare(0.005, 12_000, seed=5)
    scores = library_answers(lower(fitted).members, frame, list(asked.inputs), asked.task)
    assert metric_value("average_precision", target, scores) > 0.3
    assert fitted.threshold is not None
    assert 0.0 < fitted.threshold < 1.0


@pytest.mark.promise("train.trials")
def test_equal_trials_give_equal_models_and_no_clock_is_read() -> None:
    frame, target = rare(0.2, 1_500)

    def clock() -> float:
        raise AssertionError("a clock was read")

    found = []
    for _ in range(2):
        counted = BudgetClock(Budget(60.0, 3), began=0.0, now=clock)
        found.append(lower(PortfolioTrainer.standard().fit(problem(frame, target), counted, Silence())))
    assert found[0] == found[1]


@pytest.mark.promise("train.resumes")
def test_a_fit_that_was_killed_goes_on_from_the_folds_that_it_had() -> None:
    class Killed(Exception):
        pass

    class Dying(Silence):
        def remember(self, key: str, data: bytes) -> None:
            super().remember(key, data)
            if len(self.notes) == 8:
                raise Killed

    asked = problem(*rare(0.2, 1_500))
    dying, whole = Dying(), Silence()
    with pytest.raises(Killed):
        fit(asked, watch=dying)
    again = Silence()
    again.notes = dict(dying.notes)
    resumed = lower(fit(asked, watch=again))
    assert resumed == lower(fit(asked, watch=whole))
    assert set(dying.notes) < set(whole.notes)


@pytest.mark.promise("train.budget")
def test_a_budget_ends_the_search_and_shortens_the_refit() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    budget = BudgetClock(Budget(20.0), began=0.0, after=After(1.0), now=clock)
    fitted = PortfolioTrainer.standard().fit(problem(*rare(0.2, 3_000)), budget, Silence())
    assert now[0] < 22.0
    assert fitted.members


@pytest.mark.promise("train.budget")
def test_without_time_left_a_short_model_is_given_and_the_cut_is_told() -> None:
    budget = BudgetClock(Budget(0.0), began=0.0, now=iter(np.arange(1e6)).__next__)
    fitted = PortfolioTrainer.standard().fit(problem(*rare(0.2, 3_000), metric="auc"), budget, Silence())
    if fitted.members[0].candidate.family == "lightgbm":
        assert [finding.name for finding in fitted.findings] == ["budget.cut"]


@pytest.mark.promise("run.baseline")
@pytest.mark.parametrize("present", [[0, 2], [0, 1, 3]])
def test_a_class_that_no_row_has_keeps_its_column_and_is_never_predicted(present: list[int]) -> None:
    rng = np.random.default_rng(3)
    target = rng.choice(present, 1_000)
    frame = pl.DataFrame({"x": target + rng.normal(size=1_000) * 0.1, "z": rng.normal(size=1_000)})
    fitted = fit(problem(frame, target, task="multiclass", classes=4, metric="accuracy"))
    assert all(np.isfinite(rung.value) for rung in fitted.ladder)
    inputs = list(problem(frame, target, task="multiclass", classes=4).inputs)
    scores = library_answers(lower(fitted).members, frame, inputs, "multiclass")
    assert scores.shape == (1_000, 4)
    assert set(scores.argmax(axis=1)) == set(present)


@pytest.mark.promise("train.logarithms")
def test_skewed_values_are_added_up_as_logarithms_where_that_is_better() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3_000, 3))
    target = np.exp(x[:, 0] + 0.7 * x[:, 1] + 0.2 * rng.normal(size=3_000))
    frame = pl.DataFrame({f"x{place}": x[:, place] for place in range(3)})
    asked = problem(frame, target, task="regression", classes=0, metric="rmse")
    skewed = fit(asked, trials=3)
    plain = fit(asked, trials=2)
    assert (skewed.link, plain.link) == ("exp", "identity")
    values = [rung.value for made in (skewed, plain) for rung in made.ladder if rung.name == "LightGBM"]
    assert values[0] < 0.95 * values[1]
    scores = library_answers(lower(skewed).members, frame, list(asked.inputs), asked.task)
    assert scores.min() > 0
    assert metric_value("rmse", target, scores) < 0.3 * target.std()
    even = problem(frame, x[:, 0] + 10.0, task="regression", classes=0, metric="rmse")
    assert fit(even, trials=3).link == "identity"


@pytest.mark.promise("train.budget")
@pytest.mark.parametrize("seconds", [1.0, 4.0, 40.0])
def test_a_plan_keeps_to_the_seconds_and_a_sample_keeps_rare_rows(seconds: float) -> None:
    frame, target = rare(0.002, 60_000)
    asked = problem(frame, target)
    clock = BudgetClock(Budget(seconds), began=0.0, now=lambda: 0.0)
    effort = plan_effort(asked, clock)
    assert effort.first is not None
    cost = guess_cost(effort.problem, effort.first, most_rows=effort.most_rows, rounds=40)
    assert cost.folds + cost.refit < max(seconds, 1.0)
    rows, weight = sample_rows(target, effort.most_rows or 60_000, task="binary", seed=7)
    assert target[rows].sum() == target.sum()
    assert weight[target[rows] == 0].sum() == pytest.approx((target == 0).sum(), rel=0.01)


@pytest.mark.promise("train.budget")
def test_a_hundred_classes_get_the_booster_that_the_seconds_allow_or_a_linear_model() -> None:
    rng = np.random.default_rng(7)
    target = rng.integers(0, 100, 20_000).astype(float)
    asked = problem(pl.DataFrame(rng.normal(size=(20_000, 8))), target, task="multiclass", classes=100)
    kinds = []
    for seconds in (2.0, 9.0, 60.0, 6_000.0):
        clock = BudgetClock(Budget(seconds), began=0.0, now=lambda: 0.0)
        effort = plan_effort(asked, clock)
        kinds.append((effort.first and effort.first.name, effort.most_rows))
        if effort.first is not None:
            cost = guess_cost(effort.problem, effort.first, most_rows=effort.most_rows, rounds=28)
            assert cost.folds + cost.refit < seconds
    assert kinds[0] == (None, None)
    assert kinds[1][0] == "lgb-quick-0.5"
    assert kinds[-1] == ("lgb-31", None)
    watch, clock = Silence(), BudgetClock(Budget(60.0), after=After(59.0))
    fitted = PortfolioTrainer.standard().fit(asked, clock, watch)
    assert fitted.facts["kept"] == "linear"
    assert [finding.name for finding in fitted.findings] == ["budget.small"]
    assert "100 trees" in fitted.findings[0].text
    again = PortfolioTrainer.standard().fit(asked, BudgetClock(Budget(60.0), after=After(59.0)), watch)
    assert again.facts["kept"] == "linear"


@pytest.mark.promise("train.blend")
def test_a_blend_is_kept_only_where_it_is_better_by_more_than_chance() -> None:
    rng = np.random.default_rng(8)
    truth = rng.normal(size=3_000)
    asked = problem(pl.DataFrame({"x": truth}), truth, task="regression", classes=0, metric="rmse")
    one, other = (_told(name, truth + rng.normal(size=3_000)) for name in ("one", "other"))
    both = blend(asked, [one, other])
    assert both.weights == {0: pytest.approx(0.5, abs=0.1), 1: pytest.approx(0.5, abs=0.1)}
    assert len(blend(asked, [one, _told("copy", one.margins)]).weights) == 1
    worse = _told("worse", one.margins + rng.normal(size=3_000))
    assert list(blend(asked, [one, worse]).weights) == [0]
    nested = nested_margins(asked, [one, other])
    assert np.mean((nested - truth) ** 2) == pytest.approx(np.mean((both.margins - truth) ** 2), rel=0.05)


def _told(name: str, margins: np.ndarray) -> OutOfFold:
    candidate = Candidate(name, "lightgbm", "native", {"num_leaves": 31})
    return OutOfFold(candidate, margins, (10, 10, 10), (50, 50, 50), 1.0)


@pytest.mark.promise("train.isotonic")
def test_corners_are_kept_only_where_no_straight_line_does() -> None:
    rng = np.random.default_rng(12)
    margins = rng.normal(scale=2.0, size=12_000)
    frame = pl.DataFrame({"x": margins})
    steps = np.where(margins > 1.0, 1.5, -1.5)
    stepped = (rng.random(12_000) < 1 / (1 + np.exp(-steps))).astype(float)
    line = calibrate_margins(problem(frame, stepped), margins)
    assert len(line.knots) > 2
    assert np.all(np.diff(line.apply(np.linspace(-9, 9, 400))) >= 0)
    losses = [row_losses("binary", stepped, found).mean() for found in (margins, line.apply(margins))]
    straight = fit_line(margins, stepped, np.ones(12_000)).apply(margins)
    assert losses[1] < row_losses("binary", stepped, straight).mean() < losses[0]
    plain = (rng.random(12_000) < 1 / (1 + np.exp(-0.5 * margins))).astype(float)
    assert calibrate_margins(problem(frame, plain), margins).knots == ()
    few = problem(frame[:600], stepped[:600])
    assert calibrate_margins(few, margins[:600]).knots == ()


@pytest.mark.promise("train.calibration")
def test_a_line_is_drawn_through_margins_only_where_unseen_rows_get_better() -> None:
    rng = np.random.default_rng(5)
    margins = rng.normal(size=6_000) * 1.5
    target = (rng.random(6_000) < 1 / (1 + np.exp(-margins))).astype(float)
    asked = problem(pl.DataFrame({"x": margins}), target)
    assert calibrate_margins(asked, margins).slope == 1.0
    assert calibrate_margins(asked, 3 * margins).slope == pytest.approx(1 / 3, abs=0.03)


def test_without_a_metric_nothing_is_fitted() -> None:
    target = np.r_[np.tile([0.0, 1.0], 30), np.zeros(60)]
    frame = pl.DataFrame({"t": range(120), "x": np.arange(120.0)})
    data = DataConfig(time="t", split=SplitConfig(by="t"))
    with pytest.raises(TrainingError, match="no model has a auc"):
        fit(problem(frame, target, metric="auc", data=data))


@pytest.mark.parametrize(
    ("metric", "value", "than", "answer"),
    [
        ("auc", 0.8, 0.7, True),
        ("log_loss", 0.8, 0.7, False),
        ("rmse", 2.0, 3.0, True),
        ("auc", 0.7, 0.7, False),
        ("log_loss", float("nan"), 0.7, False),
        ("log_loss", 0.7, float("nan"), True),
        ("rmse", float("inf"), 3.0, False),
    ],
)
def test_a_value_that_could_not_be_computed_never_wins(
    metric: MetricName, value: float, than: float, *, answer: bool
) -> None:
    assert is_better(metric, value, than) is answer


def f1(target: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    taken = scores >= threshold
    return float(2 * target[taken].sum() / (taken.sum() + target.sum()))


@pytest.mark.promise("train.threshold")
@pytest.mark.parametrize("rate", [0.01, 0.5, 0.9])
def test_the_threshold_is_best_by_f1_or_by_cost(rate: float) -> None:
    rng = np.random.default_rng(2)
    target = (rng.random(5_000) < rate).astype(float)
    scores = 1 / (1 + np.exp(-(target * 2 + rng.normal(size=5_000))))
    by_f1 = choose_threshold(TrainingConfig(threshold="best_f1"), target, scores)
    assert f1(target, scores, by_f1) > 0.97 * max(f1(target, scores, value) for value in scores)
    settings = TrainingConfig(threshold="cost", cost_missed=10.0)

    def cost(threshold: float) -> float:
        taken = scores >= threshold
        return float(10 * target[~taken].sum() + (1 - target)[taken].sum())

    by_cost = choose_threshold(settings, target, scores)
    assert cost(by_cost) <= 1.03 * min(cost(value) for value in scores) + 1
    assert choose_threshold(settings, np.zeros(5_000), scores) == 0.5


def linear_task(target: np.ndarray, width: int, *, classes: int = 2) -> FitTask:
    values = np.random.default_rng(1).normal(size=(len(target), width))
    matrix = Matrix(values, target, np.ones(len(target)))
    task = "binary" if classes == 2 else "multiclass"
    return FitTask(matrix, None, task, classes, 7, None, lambda _: False)  # type: ignore[arg-type]  # one of both


def test_the_linear_model_sees_fewer_rows_of_many_columns_and_keeps_a_class_of_one_row() -> None:
    target = np.zeros(60_000)
    target[1_234] = 1.0
    task = linear_task(target, 100)
    assert most_linear_rows(task, 5) == MOST_LINEAR_ROWS
    assert most_linear_rows(task, 100) == 30_000
    model = LinearLearner().fit(Candidate("linear", "linear", "scaled", {"C": 1.0}), task)
    assert np.isfinite(model.margins(np.zeros((4, 100)))).all()
