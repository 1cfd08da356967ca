"""From margins, the sums before the link, to predictions and their losses."""

from __future__ import annotations

import numpy as np

from mlwright.evaluation import is_loss, metric_value
from mlwright.evaluation.metric import row_values
from mlwright.evaluation.ranking import judged_lists
from mlwright.project import MetricName
from mlwright.training.learner import Floats
from mlwright.training.problem import Goal, Problem, Rows
from mlwright.training.trainer import Link

LINKS: dict[Goal, Link] = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "regression": "identity",
    "logarithm": "exp",
    "poisson": "exp",
    "rank": "identity",
}


def predictions(goal: Goal, margins: Floats) -> Floats:
    """Apply the link of what was fitted.

    >>> predictions("binary", np.array([0.0])).tolist()
    [0.5]
    """
    if goal in ("regression", "rank"):
        return margins
    if goal in ("logarithm", "poisson"):
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(margins), dtype=np.float64)
    if goal == "binary":
        with np.errstate(over="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(-margins)), dtype=np.float64)
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def losses(problem: Problem, rows: Rows, margins: Floats) -> Floats:
    """Give the loss of some rows of a problem by their margins: what is chosen by.

    Ranked rows share what the NDCG of their list lacks, so that the mean over rows is that over lists.
    """
    if problem.ranked is None:
        return row_losses(problem.goal, problem.target[rows], margins)
    codes, each = judged_lists(problem.target[rows], margins, problem.ranked[rows])
    judged = np.isfinite(each)
    sizes = np.bincount(codes[codes >= 0], minlength=len(each))
    lack = np.where(judged, 1 - each, 0.0) * len(rows) / max(int(judged.sum()), 1) / np.maximum(sizes, 1)
    found = np.zeros(len(rows))
    found[codes >= 0] = lack[codes[codes >= 0]]
    return found


def row_losses(goal: Goal, target: Floats, margins: Floats) -> Floats:
    """Give the proper score of each row: log-loss for classes, squared error or deviance for numbers."""
    if goal in ("regression", "logarithm"):
        return np.asarray((target - predictions(goal, margins)) ** 2, dtype=np.float64)
    if goal == "poisson":
        return row_values("poisson_deviance", target, predictions(goal, margins))
    if goal == "binary":
        return np.logaddexp(0.0, np.where(target == 1, -margins, margins))
    top = margins.max(axis=1)
    total = top + np.log(np.exp(margins - top[:, None]).sum(axis=1))
    return np.asarray(total - margins[np.arange(len(target)), target.astype(np.int64)], dtype=np.float64)


def is_known(margins: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which rows were asked."""
    return np.asarray(np.isfinite(margins if margins.ndim == 1 else margins[:, 0]))


def fold_metric(problem: Problem, margins: Floats) -> float:
    """Give the metric's mean over folds, weighted by rows, where the rows of a fold determine it."""
    values, sizes = [], []
    for fold in problem.folds.folds:
        rows = fold.valid[is_known(margins[fold.valid])]
        value = float("nan")
        if len(rows):
            found = predictions(problem.goal, margins[rows])
            lists = None if problem.lists is None else problem.lists[rows]
            value = metric_value(
                problem.metric, problem.target[rows], found, weights=problem.weight[rows], lists=lists
            )
        if np.isfinite(value):
            values.append(value)
            sizes.append(len(rows))
    return float(np.average(values, weights=sizes)) if values else float("nan")


def gain_and_error(problem: Problem, gains: Floats) -> tuple[float, float]:
    """Give the mean gain over rows and its standard error: of three folds or more, else of blocks or rows.

    `gains` has a number for every row of the problem, NaN where there is none.
    """
    known = np.isfinite(gains)
    if len(problem.folds.folds) >= 3:
        names = np.full(len(gains), -1)
        for number, fold in enumerate(problem.folds.folds):
            names[fold.valid] = number
    else:
        names = np.arange(len(gains)) if problem.blocks is None else problem.blocks
    return mean_and_error(gains[known], problem.weight[known], names[known])


def mean_and_error(gains: Floats, weight: Floats, names: Rows) -> tuple[float, float]:
    """Give the mean gain of weighted rows and its standard error; rows of a name stand and fall together."""
    _, codes = np.unique(names, return_inverse=True)
    sums = np.bincount(codes, weights=gains * weight)
    sizes = np.bincount(codes, weights=weight)
    mean = float(sums.sum() / max(weight.sum(), 1e-300))
    if len(sums) < 2:
        return mean, float("inf")
    spread = float(((sums - mean * sizes) ** 2).sum()) * len(sums) / (len(sums) - 1)
    return mean, float(np.sqrt(spread)) / max(float(sizes.sum()), 1e-300)


def is_better(metric: MetricName, value: float, than: float) -> bool:
    """Tell whether a value of a metric beats another one; what could not be computed beats nothing.

    >>> is_better("log_loss", 0.3, 0.4), is_better("log_loss", float("nan"), 0.4)
    (True, False)
    """
    if not np.isfinite(value):
        return False
    if not np.isfinite(than):
        return True
    return value < than if is_loss(metric) else value > than
