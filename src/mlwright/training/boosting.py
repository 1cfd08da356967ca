"""LightGBM with early stopping, a CPU budget and settings that do not collapse on rare positives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from mlwright.training.fit_request import FitRequest

Floats = npt.NDArray[np.float64]

MOST_ROUNDS = 1_500
PATIENCE = 40
REFIT_GROWTH = 1.15  # notes/training: rounds on all rows = 1.15 x the best on the inner part + 5
REFIT_EXTRA = 5
REFIT_SHARE = 0.6  # of the budget is kept: more rounds on more rows cost half as much again as the search
CELLS_PER_THREAD = 20_000_000  # below it threads wait for each other longer than they help


@dataclass(frozen=True)
class Boosted:
    """A booster with the number of rounds that validation chose."""

    booster: lgb.Booster
    rounds: int
    cpu_seconds: float
    ran_out: bool


def parameters(request: FitRequest) -> dict[str, object]:
    """Give LightGBM's settings for a problem (portfolio row 1 of the training notes)."""
    objective = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[request.task]
    settings: dict[str, object] = {
        "objective": objective,
        "metric": {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "rmse"}[
            request.task
        ],
        "learning_rate": 0.06,
        "num_leaves": 31,
        "min_data_in_leaf": _least_rows(request),
        "min_sum_hessian_in_leaf": 1e-3,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.9,
        "bagging_freq": 1,
        "lambda_l2": 2.0,
        "cat_smooth": 20.0,
        "min_gain_to_split": 1e-3,
        "seed": request.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _threads(request),
        "verbose": -1,
    }
    if request.task == "multiclass":
        settings["num_class"] = request.classes
    return settings


def fit_boosting(
    request: FitRequest,
    train: tuple[Floats, Floats],
    valid: tuple[Floats, Floats],
    categorical: Sequence[int],
) -> Boosted:
    """Fit on the inner training rows, stopping when the inner validation rows no longer get better."""
    began = time.process_time()
    settings = parameters(request)
    training = lgb.Dataset(
        train[0], train[1], categorical_feature=list(categorical), params=settings, free_raw_data=True
    )
    checking = lgb.Dataset(valid[0], valid[1], reference=training, params=settings)
    budget = _Budget(request.budget_cpu_s * (1 - REFIT_SHARE), began, request.move)
    booster = lgb.train(
        settings,
        training,
        MOST_ROUNDS,
        valid_sets=[checking],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False), budget],
    )
    rounds = max(booster.best_iteration, 1)
    return Boosted(booster, rounds, time.process_time() - began, ran_out=budget.ran_out)


def refit_boosting(
    request: FitRequest, rows: tuple[Floats, Floats], rounds: int, categorical: Sequence[int]
) -> lgb.Booster:
    """Fit on all training rows for the number of rounds that validation chose."""
    settings = parameters(request)
    dataset = lgb.Dataset(rows[0], rows[1], categorical_feature=list(categorical), params=settings)
    total = round(REFIT_GROWTH * rounds) + REFIT_EXTRA

    def move(environment: lgb.callback.CallbackEnv) -> None:
        request.move(
            0.6 + 0.4 * environment.iteration / total, f"LightGBM on all rows, round {environment.iteration}"
        )

    return lgb.train(settings, dataset, total, callbacks=[move])


class _Budget:
    """A LightGBM callback that stops the fit when the CPU budget is used, and tells progress."""

    order = 5
    before_iteration = False

    def __init__(self, seconds: float, began: float, move: Callable[[float, str], None]) -> None:
        self.seconds = seconds
        self.began = began
        self.move = move
        self.ran_out = False

    def __call__(self, environment: lgb.callback.CallbackEnv) -> None:
        used = time.process_time() - self.began
        if environment.evaluation_result_list:
            name, value = environment.evaluation_result_list[0][1:3]
            share = min(environment.iteration / 400, 1.0) * 0.6
            self.move(share, f"LightGBM round {environment.iteration + 1}, {name} {value:.5f}")
        if used > self.seconds:
            self.ran_out = True
            raise lgb.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list or []
            )


def _threads(request: FitRequest) -> int:
    """Give the number of threads; the model is the same for any.

    Beside other work on two cores, 21 rounds on 640 000 x 20 took 3.6 s and 3.6 CPU-s on one thread, 11 s
    and 11 CPU-s on two: threads that wait burn the budget.
    """
    cells = request.frame.height * max(len(request.inputs), 1)
    return max(1, min(os.cpu_count() or 1, round(cells / CELLS_PER_THREAD)))


def _least_rows(request: FitRequest) -> int:
    """Give rows per leaf: 30, fewer with few positives or rows, so that rare classes can still split."""
    rows = len(request.inner_train)
    if request.task == "binary":
        positives = int(request.target[request.inner_train].sum())
        return max(5, min(30, positives // 20, rows // 50))
    return max(5, min(30, rows // 50))
