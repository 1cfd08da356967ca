"""LightGBM tuned by Optuna on one holdout (the latest fifth when there is time), then fitted on all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import optuna
import pandas as pd
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from clock import cpu_seconds
from defaults import fitted
from preparation import fit_preparation
from task import Fitted, Task

TUNING_SHARE = 0.8  # of the budget; the rest is for the fit on all rows
ROUNDS = 3000


def fit_tuned(task: Task) -> Fitted:
    """Ask Optuna for settings until the seconds are spent, then fit the best ones on all rows."""
    start = cpu_seconds()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    preparation = fit_preparation(task.train)
    frame = preparation.apply(task.train)
    train, valid = _holdout(task)
    study = optuna.create_study(
        direction="maximize" if task.task == "binary" else "minimize",
        sampler=optuna.samplers.TPESampler(seed=task.seed),
    )
    deadline, longest = start + TUNING_SHARE * task.budget, 0.0
    while cpu_seconds() + (0.5 * longest if study.trials else 0.0) < deadline:
        before = cpu_seconds()
        trial = study.ask()
        model = _model(task, _settings(trial), ROUNDS)
        model.fit(
            frame.iloc[train],
            task.target[train],
            eval_set=[(frame.iloc[valid], task.target[valid])],
            eval_metric={"binary": "auc", "multiclass": "multi_logloss", "regression": "rmse"}[task.task],
            callbacks=[
                lightgbm.early_stopping(50, first_metric_only=True, verbose=False),
                _stop_at(deadline),
            ],
        )
        rounds = model.best_iteration_ or model.booster_.current_iteration()
        trial.set_user_attr("rounds", rounds)
        study.tell(trial, _score(task, model, frame.iloc[valid], task.target[valid]))
        longest = max(longest, cpu_seconds() - before)
    best = study.best_trial
    rounds = max(int(1.1 * best.user_attrs["rounds"]), 1)
    model = _model(task, best.params, rounds)
    model.fit(frame, task.target, callbacks=[_stop_at(start + task.budget)])
    return fitted(task, model, preparation.apply, float(best.value), f"{len(study.trials)} trials")


def _settings(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 7, 255, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 30.0, log=True),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-3, 10.0, log=True),
    }


def _model(task: Task, settings: dict[str, Any], rounds: int) -> Any:
    kind = lightgbm.LGBMRegressor if task.task == "regression" else lightgbm.LGBMClassifier
    return kind(
        n_estimators=rounds, n_jobs=1, verbose=-1, random_state=task.seed, subsample_freq=1, **settings
    )


def _holdout(task: Task) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(len(task.train))
    if task.time is not None:
        return rows[: int(0.8 * len(rows))], rows[int(0.8 * len(rows)) :]
    if task.group is not None:
        split = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=task.seed)
        return next(split.split(rows, groups=task.group))
    classes = None if task.task == "regression" else task.target
    train, valid = train_test_split(rows, test_size=0.2, random_state=task.seed, stratify=classes)
    return train, valid


def _stop_at(deadline: float) -> Callable[[Any], None]:
    def stop(environment: Any) -> None:
        if environment.iteration % 10 == 9 and cpu_seconds() > deadline:
            raise lightgbm.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list or []
            )

    return stop


def _score(task: Task, model: Any, frame: pd.DataFrame, target: np.ndarray) -> float:
    if task.task == "regression":
        return float(mean_squared_error(target, model.predict(frame)) ** 0.5)
    chances = model.predict_proba(frame)
    if task.task == "binary":
        return float(roc_auc_score(target, chances[:, 1]))
    return float(log_loss(target, chances, labels=np.arange(len(task.classes))))
