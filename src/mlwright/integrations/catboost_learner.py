"""CatBoost as a family of the portfolio: symmetric trees, early stopping on a proper score, one thread."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import catboost as cb
import numpy as np
import numpy.typing as npt

from mlwright.errors import TrainingError
from mlwright.store import canonical_json
from mlwright.training.boosted import PATIENCE, most_rounds, standard_target
from mlwright.training.learner import Candidate, FitTask, Floats, Learner, Matrix, ModelDump

CLOCKS = ("train_finish_time", "model_guid", "training")
"""Entries of the file that differ between equal models."""
ABSENT_WEIGHT = 0.01  # of a row for a class that no row has: without any, CatBoost leaves its output out
LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


@dataclass(frozen=True)
class CatboostModel:
    """A model; its margins are `scale` times its sums plus `shift`."""

    model: cb.CatBoost
    rounds: int
    grown: int
    scale: float
    shift: float

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        return self.scale * _sums(self.model, values) + self.shift

    def dump(self) -> ModelDump:
        """Give CatBoost's JSON."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            self.model.save_model(str(path), format="json")
            document = json.loads(path.read_bytes())
        for name in CLOCKS:
            document["model_info"].pop(name, None)
        return ModelDump("catboost-json", canonical_json(document), self.scale, self.shift)


class CatboostLearner:
    """Fits CatBoost; implements `Learner`."""

    def fit(self, candidate: Candidate, task: FitTask) -> CatboostModel:
        """Fit until the validation rows no longer get better, or for the rounds asked.

        Raises `TrainingError` for rows that CatBoost refuses, as those in which every column is constant.
        """
        shift, scale = standard_target(task)
        training = _pool(_with_absent_classes(task), task, shift, scale)
        valid = None if task.valid is None else _pool(task.valid, task, shift, scale)
        rounds = most_rounds(candidate, task) if task.rounds is None else task.rounds
        model = cb.CatBoost(_parameters(candidate, task, rounds))
        try:
            model.fit(training, eval_set=valid, callbacks=[_Tick(task)])
        except cb.CatBoostError as cause:
            raise TrainingError(
                f"CatBoost refuses the rows: {cause}", hint="uninstall catboost to train without it"
            ) from cause
        grown = rounds if valid is None else len(_scores(model))
        return CatboostModel(model, max(int(model.tree_count_), 1), grown, scale, shift)


def learner() -> Learner:
    """Give the learner."""
    return CatboostLearner()


def library_version() -> str:
    """Name the version of the library."""
    return str(cb.__version__)


def margins(text: str, values: Floats) -> Floats:
    """Give the sums that CatBoost gives for a model it fitted."""
    return _sums(_read(text), values)


def contributions(text: str, values: Floats) -> Floats:
    """Give Shapley values `[rows, outputs, columns]`, with the sums that they start from behind them."""
    pool = cb.Pool(_rounded(values), thread_count=1)
    found = _read(text).get_feature_importance(pool, type="ShapValues", thread_count=1)
    return np.asarray(found, dtype=np.float64).reshape(len(values), -1, values.shape[1] + 1)


def _read(text: str) -> cb.CatBoost:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(text, encoding="utf-8")
        return cb.CatBoost().load_model(str(path), format="json")


def _parameters(candidate: Candidate, task: FitTask, rounds: int) -> dict[str, object]:
    found: dict[str, object] = {
        **candidate.settings,
        "iterations": rounds,
        "loss_function": LOSSES[task.task],
        "bootstrap_type": "Bernoulli",
        "boosting_type": "Plain",
        "random_seed": task.seed,
        "thread_count": 1,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }
    if task.valid is not None:
        found |= {"od_type": "Iter", "od_wait": PATIENCE, "use_best_model": True}
    if task.task == "multiclass":
        found["classes_count"] = task.classes
    return found


def _with_absent_classes(task: FitTask) -> Matrix:
    """Give the training rows, and one of little weight for each class that has none."""
    train = task.train
    if task.task != "multiclass":
        return train
    absent = np.setdiff1d(np.arange(task.classes), train.target)
    return Matrix(
        np.vstack([train.values, np.repeat(train.values[:1], len(absent), axis=0)]),
        np.r_[train.target, absent],
        np.r_[train.weight, np.full(len(absent), ABSENT_WEIGHT)],
    )


def _pool(matrix: Matrix, task: FitTask, shift: float, scale: float) -> cb.Pool:
    target = (matrix.target - shift) / scale if task.task == "regression" else matrix.target.astype(np.int64)
    weight = None if (matrix.weight == 1).all() else matrix.weight
    return cb.Pool(_rounded(matrix.values), target, weight=weight, thread_count=1)


def _sums(model: cb.CatBoost, values: Floats) -> Floats:
    found = model.predict(_rounded(values), prediction_type="RawFormulaVal", thread_count=1)
    return np.asarray(found, dtype=np.float64)


def _rounded(values: Floats) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _scores(model: cb.CatBoost) -> list[float]:
    scores: dict[str, Any] = model.get_evals_result()["validation"]
    return list(next(iter(scores.values())))


class _Tick:
    """Ends the fit when time is up."""

    def __init__(self, task: FitTask) -> None:
        self.tick = task.tick

    def after_iteration(self, info: Any) -> bool:
        """Tell CatBoost to go on."""
        return not self.tick(int(info.iteration))
