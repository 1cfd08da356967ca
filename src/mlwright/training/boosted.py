"""LightGBM with early stopping on a proper score and settings that do not collapse on rare positives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from mlwright.evaluation.ranking import PLACES
from mlwright.training.learner import Candidate, FitTask, Floats, Matrix, ModelDump
from mlwright.training.problem import Problem

MOST_ROUNDS = 2_000
FEWEST_ROUNDS = 50
FEWEST_COLUMNS = 8  # of a tree: a share of few columns leaves none that work together
MOST_NODES = 300_000  # 40 bytes each: 12 MB of a package
PATIENCE = 40
SORTED_ROWS = 50_000  # that bins are made from
MANY_COLUMNS = 200  # in their histograms a tree of few rows spends its time
BINNING = {
    "feature_pre_filter": False,
    "bin_construct_sample_cnt": SORTED_ROWS,
    "data_random_seed": 1,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
PLAIN = "pointwise"  # a setting: no list is looked at
SCORES = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "rmse"}


@dataclass(frozen=True)
class BoostedModel:
    """A booster, and how many of its rounds are used."""

    booster: lgb.Booster
    rounds: int
    grown: int

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        found = self.booster.predict(values, num_iteration=self.rounds, raw_score=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)

    def dump(self) -> ModelDump:
        """Give LightGBM's text."""
        return ModelDump("lightgbm-text", self.booster.model_to_string(num_iteration=self.rounds))


class BoostedLearner:
    """Fits LightGBM; implements `Learner`."""

    def fit(self, candidate: Candidate, task: FitTask) -> BoostedModel:
        """Fit until the validation rows no longer get better, or for the rounds asked."""
        settings = parameters(candidate, task)
        is_ranked = settings["objective"] == "lambdarank"
        training = _ranked(task, task.train) if is_ranked else _dataset(task.train)
        callbacks: list[Callable[..., object]] = [_Tick(task)]
        valid = []
        if task.valid is not None:
            valid = [_ranked(task, task.valid, training) if is_ranked else _dataset(task.valid, training)]
            callbacks.insert(0, lgb.early_stopping(PATIENCE, verbose=False))
        rounds = most_rounds(candidate, task) if task.rounds is None else task.rounds
        booster = lgb.train(settings, training, rounds, valid_sets=valid, callbacks=callbacks)
        grown = booster.current_iteration()
        best = booster.best_iteration if task.valid is not None and booster.best_iteration > 0 else grown
        return BoostedModel(booster, max(best, 1), grown)


def parameters(candidate: Candidate, task: FitTask) -> dict[str, object]:
    """Give LightGBM's settings for a candidate."""
    settings: dict[str, object] = {
        **BINNING,
        "max_bin": bins_of(task.train.values.shape[1]),
        "cat_smooth": 20.0,
        **{name: value for name, value in candidate.settings.items() if name != PLAIN},
        "objective": "poisson" if task.is_count or task.is_logarithmic else task.task,
        "metric": "poisson" if task.is_count else SCORES[task.task],
        "min_data_in_leaf": least_rows(task, int(candidate.settings["min_data_in_leaf"])),
        "feature_fraction": column_share(task, float(candidate.settings["feature_fraction"])),
        "min_sum_hessian_in_leaf": 1e-3,
        "bagging_freq": 1,
        "min_gain_to_split": 1e-3 if task.task != "regression" else 0.0,
        "seed": task.seed,
        "deterministic": True,
    }
    if task.task == "multiclass":
        settings["num_class"] = task.classes
    if task.is_ranked and PLAIN not in candidate.settings:
        settings |= {"objective": "lambdarank", "metric": "ndcg", "eval_at": [PLACES]}
        settings["label_gain"] = _grades(task).tolist()
    return settings


def bins_of(columns: float) -> int:
    """Give into how many bins a column is cut: fewer where there are many columns.

    >>> bins_of(30), bins_of(1_000)
    (255, 63)
    """
    return 255 if columns <= MANY_COLUMNS else 63


def most_rounds(candidate: Candidate, asked: FitTask | Problem) -> int:
    """Give how many rounds keep the model within its bytes; each has a tree for each output."""
    by_size = MOST_NODES // (candidate.leaves * asked.outputs)
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, by_size))


def standard_target(task: FitTask) -> tuple[float, float]:
    """Give what to take off a target and what to divide it by, for libraries that read it as float32.

    Nothing is changed for classes.
    """
    if task.task != "regression":
        return 0.0, 1.0
    weight, target = task.train.weight, task.train.target
    mean = float(np.average(target, weights=weight))
    spread = float(np.sqrt(np.average((target - mean) ** 2, weights=weight)))
    return mean, spread if spread > 0 else 1.0


def least_rows(task: FitTask, wanted: int) -> int:
    """Give rows per leaf: fewer with few positives or rows, so that rare classes can still split."""
    rows = len(task.train.target)
    if task.task == "binary":
        return max(5, min(wanted, int(task.train.target.sum()) // 20, rows // 50))
    return max(5, min(wanted, rows // 50))


def column_share(task: FitTask, wanted: float) -> float:
    """Give the share of the columns that a tree may use: a larger one where there are few."""
    columns = max(int(task.train.values.shape[1]), 1)
    return min(max(wanted, FEWEST_COLUMNS / columns), 1.0)


def _dataset(matrix: Matrix, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    """Bin a matrix, once for all candidates: what is kept with the matrix depends on no setting of theirs."""
    if isinstance(made := matrix.prepared.get("lightgbm"), lgb.Dataset):
        return made
    made = lgb.Dataset(
        matrix.values,
        matrix.target,
        weight=None if (matrix.weight == 1).all() else matrix.weight,
        reference=reference,
        categorical_feature=list(matrix.categorical),
        params={**BINNING, "max_bin": bins_of(matrix.values.shape[1])},
        free_raw_data=True,
    )
    matrix.prepared["lightgbm"] = made.construct()
    return made


def _grades(task: FitTask) -> Floats:
    """Give the different labels, which are gains: LightGBM knows them by their places."""
    sides = [task.train] if task.valid is None else [task.train, task.valid]
    return np.unique(np.concatenate([side.target for side in sides]))


def _ranked(task: FitTask, matrix: Matrix, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    """Bin a matrix list by list; a row without a list is one of its own.

    Rows of a list stand in random order, because LightGBM leaves those with equal scores as they stand.
    """
    if isinstance(made := matrix.prepared.get("lightgbm-lists"), lgb.Dataset):
        return made
    assert matrix.lists is not None
    rows = len(matrix.lists)
    alone = np.arange(rows) + matrix.lists.max(initial=-1) + 1
    lists = np.where(matrix.lists < 0, alone, matrix.lists)
    order = np.lexsort((np.random.default_rng(rows).random(rows), lists))
    _, sizes = np.unique(lists, return_counts=True)
    made = lgb.Dataset(
        matrix.values[order],
        np.searchsorted(_grades(task), matrix.target[order]),
        weight=None if (matrix.weight == 1).all() else matrix.weight[order],
        group=sizes,
        reference=reference,
        categorical_feature=list(matrix.categorical),
        params=dict(BINNING),
        free_raw_data=True,
    )
    matrix.prepared["lightgbm-lists"] = made.construct()
    return made


class _Tick:
    """A LightGBM callback that ends the fit when time is up."""

    order = 5
    before_iteration = False

    def __init__(self, task: FitTask) -> None:
        self.tick = task.tick

    def __call__(self, environment: lgb.callback.CallbackEnv) -> None:
        if self.tick(environment.iteration + 1):
            raise lgb.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list or []
            )
