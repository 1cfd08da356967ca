"""XGBoost as a family of the portfolio: histograms, early stopping on a proper score, one thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from mlwright.packaging.xgboost_file import read_xgboost
from mlwright.packaging.xgboost_trees import margins_of
from mlwright.training.boosted import PATIENCE, most_rounds, standard_target
from mlwright.training.learner import Candidate, FitTask, Floats, Learner, Matrix, ModelDump

OBJECTIVES = {
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
    "regression": ("reg:squarederror", "rmse"),
}
LARGEST = 3e38  # XGBoost refuses what is infinite in float32
FEWEST_LEAVES = 100  # that many leaves of the least weight must fit in: rare classes can still split


@dataclass(frozen=True)
class XgboostModel:
    """A booster cut to the rounds that are used; its margins are `scale` times its sums plus `shift`."""

    booster: xgb.Booster
    rounds: int
    grown: int
    scale: float
    shift: float

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        sums = self.booster.predict(_matrix(values), output_margin=True)
        return self.scale * np.asarray(sums, dtype=np.float64) + self.shift

    def dump(self) -> ModelDump:
        """Give XGBoost's JSON."""
        text = bytes(self.booster.save_raw("json")).decode()
        return ModelDump("xgboost-json", text, self.scale, self.shift)


class XgboostLearner:
    """Fits XGBoost; implements `Learner`."""

    def fit(self, candidate: Candidate, task: FitTask) -> XgboostModel:
        """Fit until the validation rows no longer get better, or for the rounds asked."""
        shift, scale = standard_target(task)
        callbacks: list[xgb.callback.TrainingCallback] = [_Tick(task)]
        watched = []
        if task.valid is not None:
            watched = [(_labelled(task.valid, shift, scale), "valid")]
            callbacks.append(xgb.callback.EarlyStopping(rounds=PATIENCE))
        booster = xgb.train(
            _parameters(candidate, task),
            _labelled(task.train, shift, scale),
            num_boost_round=most_rounds(candidate, task) if task.rounds is None else task.rounds,
            evals=watched,
            callbacks=callbacks,
            verbose_eval=False,
        )
        grown = booster.num_boosted_rounds()
        rounds = booster.best_iteration + 1 if task.valid is not None else grown
        return XgboostModel(booster[:rounds], rounds, grown, scale, shift)


def learner() -> Learner:
    """Give the learner."""
    return XgboostLearner()


def library_version() -> str:
    """Name the version of the library."""
    return str(xgb.__version__)


def margins(text: str, values: Floats) -> Floats:
    """Add the leaves that XGBoost names for each row; it would add them as float32 numbers."""
    booster, source = xgb.Booster(), read_xgboost(text.encode())
    booster.load_model(bytearray(text.encode()))
    booster.set_param({"nthread": 1})
    leaves = booster.predict(_matrix(values), pred_leaf=True).astype(np.int64).reshape(len(values), -1)
    sums = np.tile(np.array(margins_of(source)), (len(values), 1))
    for number, tree in enumerate(source.trees):
        sums[:, tree.output] += tree.condition[leaves[:, number]].astype(np.float64)
    return sums[:, 0] if source.outputs == 1 else sums


def contributions(text: str, values: Floats) -> Floats:
    """Give Shapley values `[rows, outputs, columns]`, with the sums that they start from behind them."""
    booster = xgb.Booster()
    booster.load_model(bytearray(text.encode()))
    booster.set_param({"nthread": 1})
    found = np.asarray(booster.predict(_matrix(values), pred_contribs=True), dtype=np.float64)
    return found.reshape(len(values), -1, values.shape[1] + 1)


def _parameters(candidate: Candidate, task: FitTask) -> dict[str, object]:
    settings = dict(candidate.settings)
    objective, score = OBJECTIVES[task.task]
    wanted = float(settings.pop("min_child_weight"))
    found: dict[str, object] = {
        **settings,
        "max_depth": settings.pop("depth"),
        "min_child_weight": min(wanted, _curvature(task) / FEWEST_LEAVES),
        "objective": objective,
        "eval_metric": score,
        "tree_method": "hist",
        "seed": task.seed,
        "nthread": 1,
        "verbosity": 0,
    }
    found.pop("depth")
    if task.task == "multiclass":
        found["num_class"] = task.classes
    return found


def _curvature(task: FitTask) -> float:
    """Give the sum of second derivatives at the start, of the rarest class."""
    target, weight = task.train.target, task.train.weight
    if task.task == "regression":
        return float(weight.sum())
    present = np.bincount(target.astype(np.int64), weights=weight)
    share = float(present[present > 0].min() / present.sum())
    return float(weight.sum()) * share * (1 - share)


def _labelled(matrix: Matrix, shift: float, scale: float) -> xgb.DMatrix:
    found = _matrix(matrix.values)
    found.set_info(label=(matrix.target - shift) / scale)
    if not (matrix.weight == 1).all():
        found.set_info(weight=matrix.weight)
    return found


def _matrix(values: Floats) -> xgb.DMatrix:
    return xgb.DMatrix(_finite(values), nthread=1)


def _finite(values: Floats) -> npt.NDArray[np.float32]:
    return np.clip(values, -LARGEST, LARGEST).astype(np.float32)


class _Tick(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Ends the fit when time is up."""

    def __init__(self, task: FitTask) -> None:
        self.tick = task.tick

    def after_iteration(self, _model: object, epoch: int, _evals_log: object) -> bool:
        """Tell XGBoost to stop."""
        return self.tick(epoch + 1)
