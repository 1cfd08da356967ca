"""The lowest rung of the ladder: what a constant is worth on the validation rows."""

from __future__ import annotations

import numpy as np

from mlwright.evaluation import metric_value
from mlwright.training.problem import Problem


def constant_value(problem: Problem) -> float:
    """Give the metric of each fold's mean, or its shares of the classes, averaged over the folds."""
    values = []
    for fold in problem.folds.folds:
        train, valid = problem.target[fold.train], problem.target[fold.valid]
        if problem.task == "multiclass":
            shares = np.bincount(train.astype(np.int64), minlength=problem.classes) / len(train)
            scores = np.tile(shares, (len(valid), 1))
        else:
            scores = np.full(len(valid), float(train.mean()))
        values.append(metric_value(problem.metric, valid, scores))
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
