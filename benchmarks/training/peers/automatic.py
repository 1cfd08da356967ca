"""AutoGluon and FLAML as their first pages show them, with one thread and the seconds of the budget."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd

from task import Fitted, Task

LABEL = "the label"


def fit_autogluon(task: Task) -> Fitted:
    """AutoGluon with its default preset."""
    from autogluon.tabular import TabularPredictor

    measure = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}
    predictor = TabularPredictor(
        LABEL,
        problem_type=task.task,
        eval_metric=measure[task.task],
        path=str(task.folder / "autogluon"),
        verbosity=1,
    )
    predictor.fit(task.train.assign(**{LABEL: task.target}), time_limit=task.budget, num_cpus=1, num_gpus=0)
    board = predictor.leaderboard(silent=True)
    best = board.loc[board["model"] == predictor.model_best].iloc[0]
    score = float(best["score_val"])
    saved = predictor.clone_for_deployment(str(task.folder / "deployed"), return_clone=False)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        if task.task == "regression":
            return predictor.predict(rows).to_numpy()
        chances = predictor.predict_proba(rows)
        return chances[1].to_numpy() if task.task == "binary" else chances[sorted(chances)].to_numpy()

    note = f"{len(board)} models, {predictor.model_best}"
    return Fitted(
        predict,
        score if task.task == "binary" else -score,
        task.folder / "deployed" if saved else task.folder,
        note,
    )


def fit_flaml(task: Task) -> Fitted:
    """FLAML, told of the order in time and of groups, which it can use."""
    from flaml import AutoML

    order: dict[str, object] = {}
    if task.time is not None:
        order = {"split_type": "time"}
    elif task.group is not None:
        order = {"split_type": "group", "groups": task.group}
    model = AutoML()
    model.fit(
        X_train=task.train,
        y_train=task.target,
        task="regression" if task.task == "regression" else "classification",
        metric={"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task.task],
        time_budget=task.budget,
        n_jobs=1,
        verbose=0,
        seed=task.seed,
        **order,
    )
    saved = task.folder / "model.pickle"
    saved.write_bytes(pickle.dumps(model))

    def predict(rows: pd.DataFrame) -> np.ndarray:
        if task.task == "regression":
            return np.asarray(model.predict(rows))
        chances = np.asarray(model.predict_proba(rows))
        return chances[:, 1] if task.task == "binary" else chances

    loss = float(model.best_loss)
    return Fitted(predict, 1 - loss if task.task == "binary" else loss, saved, str(model.best_estimator))
