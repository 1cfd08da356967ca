"""The ladder: what simpler models reach on the same validation rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.evaluation import metric_value
from mlwright.training.blend import Blend
from mlwright.training.learner import FAMILY_NAMES
from mlwright.training.problem import Problem
from mlwright.training.score import fold_metric, is_better
from mlwright.training.trainer import OutOfFold, Rung


def build_ladder(
    problem: Problem, linear: tuple[OutOfFold, float], pool: Sequence[OutOfFold], chosen: Blend
) -> tuple[Rung, ...]:
    """Give the constant, the linear model with its value, the best other one, and the blend if there is one.

    `pool` are the candidates that the blend was chosen from.
    """
    boosters = [one for one in pool if one.candidate.family != "linear"]
    values = [fold_metric(problem, one.margins) for one in boosters]
    place = 0
    for other, value in enumerate(values):
        if is_better(problem.metric, value, values[place]):
            place = other
    rungs = [
        Rung("constant", constant_value(problem), 0.0),
        Rung("linear", linear[1], linear[0].cpu_seconds),
    ]
    if boosters:
        best = boosters[place]
        said = f"{best.candidate.name}, {round(float(np.mean(best.rounds)))} rounds"
        rungs.append(Rung(FAMILY_NAMES[best.candidate.family], values[place], best.cpu_seconds, said))
    if len(chosen.weights) > 1:
        names = ", ".join(f"{w:.2f} {pool[p].candidate.name}" for p, w in chosen.weights.items())
        seconds = sum(one.cpu_seconds for one in pool)
        rungs.append(Rung("blend", fold_metric(problem, chosen.margins), seconds, names))
    return tuple(rungs)


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
        lists = None if problem.lists is None else problem.lists[fold.valid]
        values.append(metric_value(problem.metric, valid, scores, lists=lists))
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
