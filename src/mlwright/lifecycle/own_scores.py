"""Answers of a model of one's own as scores of a problem, or what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.lifecycle.own_model import OwnModel
from mlwright.training.learner import Floats
from mlwright.training.own_problem import OwnProblem


def require_task(model: OwnModel, problem: OwnProblem) -> None:
    """Raise `ModelUnsupported` for a model of another task, or of other classes than those of the target."""
    is_of_fewer = problem.task == "multiclass" and model.task == "binary" and model.classes is not None
    if model.task is not None and model.task != problem.task and not is_of_fewer:
        raise ModelUnsupported(
            f"{model.kind} is a model of {model.task}, the problem is {problem.task}",
            hint="return a classifier for classes and a regressor for numbers, fitted on `problem.target`",
        )
    if problem.task == "regression" or model.classes is None:
        return
    known = [float(name) if isinstance(name, int | float) else -1.0 for name in model.classes]
    is_known = (
        len(known) == 2 if problem.task == "binary" else all(0 <= name < problem.classes for name in known)
    )
    if not is_known or (problem.task == "binary" and known != [0.0, 1.0]):
        raise ModelUnsupported(
            f"{model.kind} knows the classes {list(model.classes)[:5]}, the target has 0 to "
            f"{problem.classes - 1}",
            hint="fit it on `problem.target` as it is",
        )


def require_every_class(model: OwnModel, problem: OwnProblem) -> None:
    """Raise `ModelUnsupported` for a model of all rows that does not know every class."""
    if problem.task == "multiclass" and model.classes is not None and len(model.classes) != problem.classes:
        raise ModelUnsupported(
            f"{model.kind} knows {len(model.classes)} of {problem.classes} classes",
            hint="a class that no training row has cannot be predicted: merge rare classes, or add rows",
        )


def scores_of(answers: Any, model: OwnModel, problem: OwnProblem, rows: int) -> Floats:
    """Give answers as scores: the probability of the second class, of every class, or the value.

    Raises `ModelUnsupported` for another shape, for what is no number, and for what is no probability.
    """
    scores = np.asarray(answers, dtype=np.float64)
    if problem.task != "multiclass" and scores.ndim == 2 and scores.shape[1] in (1, 2):
        scores = scores[:, -1] if problem.task == "binary" or scores.shape[1] == 1 else scores
    if problem.task == "multiclass" and model.task == "binary" and scores.ndim == 1:
        scores = np.column_stack([1 - scores, scores])  # of a fold that had two of the classes
    wanted = (rows,) if problem.task != "multiclass" else (rows, problem.classes)
    if problem.task == "multiclass" and model.classes is not None and scores.ndim == 2:
        scores = _spread(scores, model, problem)
    if scores.shape != wanted:
        raise ModelUnsupported(
            f"{model.kind} answers {rows} rows with numbers of shape {list(scores.shape)}, a {problem.task} "
            f"problem needs {list(wanted)}",
            hint="give one probability a row for two classes, one for each of more classes, or one value",
        )
    if not np.isfinite(scores).all():
        wrong = np.flatnonzero(~np.isfinite(scores.reshape(rows, -1)).all(axis=1))
        raise ModelUnsupported(
            f"{model.kind} answers {len(wrong)} of {rows} rows with NaN or infinity",
            hint="look at the learning rate and at missing values; `problem.scaled` has none",
        )
    if problem.task != "regression" and not _are_probabilities(scores):
        raise ModelUnsupported(
            f"{model.kind} gives no probabilities, but numbers from {scores.min():.4g} to {scores.max():.4g}",
            hint="return a classifier with `predict_proba`, or a network that ends in a sigmoid or softmax",
        )
    return scores


def _spread(scores: Floats, model: OwnModel, problem: OwnProblem) -> Floats:
    """Put the probabilities of the classes that a fold had into those of the problem."""
    known = [int(float(str(name))) for name in model.classes or ()]
    if scores.shape[1] != len(known):
        return scores
    made = np.zeros((len(scores), problem.classes))
    made[:, known] = scores
    return made


def _are_probabilities(scores: Floats) -> bool:
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        return False
    return scores.ndim == 1 or bool(np.abs(scores.sum(axis=1) - 1).max() < 1e-3)
