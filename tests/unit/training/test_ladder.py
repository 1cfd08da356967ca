"""The ladder survives classes that some rows lack, and a model does not depend on the machine."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import apply_transform
from mlwright.project import MetricName
from mlwright.training import boosting
from mlwright.training.baseline import BaselineTrainer, choose_threshold, is_better, library_scores
from mlwright.training.fit_request import FitRequest
from mlwright.training.linear import (
    FEWEST_LINEAR_ROWS,
    LINEAR_SHARE,
    MOST_LINEAR_ROWS,
    TERMS_PER_S,
    fit_linear,
    linear_scores,
    most_linear_rows,
)


def request(target: np.ndarray, classes: int, *, rows: int, noise: float = 0.1) -> FitRequest:
    rng = np.random.default_rng(9)
    split = int(rows * 0.8)
    return FitRequest(
        frame=pl.DataFrame({"x": target + rng.normal(size=rows) * noise, "z": rng.normal(size=rows)}),
        target=target.astype(float),
        inputs=[Column("x", "number"), Column("z", "number")],
        task="binary" if classes == 2 else "multiclass",
        classes=classes,
        metric="accuracy",
        inner_train=np.arange(split),
        inner_valid=np.arange(split, rows),
        threshold=0.5,
        budget_cpu_s=30.0,
        seed=7,
        move=lambda share, text: None,
    )


@pytest.mark.promise("run.baseline")
@pytest.mark.parametrize("present", [[0, 2], [0, 1, 3]])
def test_a_class_that_no_row_has_keeps_its_column_and_is_never_predicted(present: list[int]) -> None:
    target = np.random.default_rng(3).choice(present, 1_000)
    asked = request(target, 4, rows=1_000)
    fitted = BaselineTrainer().fit(asked)
    assert [rung.name for rung in fitted.ladder] == ["constant", "linear", "LightGBM"]
    assert all(np.isfinite(rung.value) for rung in fitted.ladder)
    matrix = apply_transform(fitted.transform, asked.frame, list(asked.inputs))  # type: ignore[arg-type]  # as fitted
    scores = library_scores(fitted.engine, fitted.model, asked.task, matrix)
    assert scores.shape == (1_000, 4)
    assert set(scores.argmax(axis=1)) == set(present)
    assert np.abs(scores.sum(axis=1) - 1).max() < 1e-9


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_an_inner_part_of_one_class_leaves_the_linear_model_out(metric: MetricName) -> None:
    target = np.r_[np.zeros(800), np.tile([0.0, 1.0], 100)]
    fitted = BaselineTrainer().fit(replace(request(target, 2, rows=1_000), metric=metric))
    values = {rung.name: rung.value for rung in fitted.ladder}
    assert np.isnan(values["linear"])
    assert fitted.engine == "trees"


@pytest.mark.parametrize(
    ("metric", "value", "than", "answer"),
    [
        ("auc", 0.8, 0.7, True),
        ("log_loss", 0.8, 0.7, False),
        ("rmse", 2.0, 3.0, True),
        ("auc", 0.7, 0.7, False),
        ("log_loss", float("nan"), 0.7, False),
        ("auc", float("nan"), 0.7, False),
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
    return 2 * target[taken].sum() / (taken.sum() + target.sum())


@pytest.mark.parametrize("rate", [0.01, 0.5, 0.9])
def test_the_best_f1_is_found_for_rare_and_for_common_positives(rate: float) -> None:
    rng = np.random.default_rng(2)
    target = (rng.random(5_000) < rate).astype(float)
    scores = 1 / (1 + np.exp(-(target * 2 + rng.normal(size=5_000))))
    asked = replace(request(target, 2, rows=5_000), threshold="best_f1")
    threshold = choose_threshold(asked, target, scores)
    assert threshold is not None
    best = max(f1(target, scores, value) for value in scores)
    assert f1(target, scores, threshold) > 0.97 * best


def test_without_a_positive_row_the_threshold_is_a_half() -> None:
    asked = replace(request(np.zeros(100), 2, rows=100), threshold="best_f1")
    assert choose_threshold(asked, np.zeros(100), np.linspace(0, 0.1, 100)) == 0.5


def test_the_linear_model_sees_fewer_rows_when_they_cost_more_than_its_share() -> None:
    asked = replace(request(np.tile([0.0, 1.0, 2.0], 400), 3, rows=1_200), budget_cpu_s=10.0)
    assert most_linear_rows(asked, 5) == MOST_LINEAR_ROWS
    assert most_linear_rows(asked, 300) == pytest.approx(
        10.0 * LINEAR_SHARE * TERMS_PER_S / (900 * 200), abs=1
    )
    assert most_linear_rows(replace(asked, budget_cpu_s=0.1), 300) == FEWEST_LINEAR_ROWS


def test_a_class_of_one_row_stays_in_the_rows_of_the_linear_model() -> None:
    target = np.zeros(3_000)
    target[1_234] = 1.0
    asked = replace(request(target, 2, rows=3_000), budget_cpu_s=1e-6)
    model = fit_linear(asked, np.random.default_rng(1).normal(size=(3_000, 2)), target)
    assert linear_scores("binary", model, np.zeros((4, 2))).shape == (4,)


def test_the_number_of_threads_does_not_change_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    target = (np.random.default_rng(5).random(3_000) < 0.4).astype(float)
    asked = replace(request(target, 2, rows=3_000, noise=1.0), metric="log_loss")
    texts = []
    for cells in (10**9, 1):
        monkeypatch.setattr(boosting, "CELLS_PER_THREAD", cells)
        settings = boosting.parameters(asked)
        assert settings["num_threads"] == (1 if cells > 1 else os.cpu_count())
        matrix = asked.frame.to_numpy()
        booster = boosting.refit_boosting(asked, (matrix, asked.target), 20, [])
        texts.append([line for line in booster.model_to_string().splitlines() if "num_threads" not in line])
    assert texts[0] == texts[1]
