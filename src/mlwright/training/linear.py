"""The linear rung: logistic or ridge regression on as many rows as its share of the work allows."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from mlwright.store import canonical_json
from mlwright.training.learner import Candidate, FitTask, Floats, ModelDump

MOST_LINEAR_ROWS = 100_000  # a linear model learns no more from more
MOST_ITERATIONS = 100
FEWEST_LINEAR_ROWS = 2_000
MOST_TERMS = 3e8  # products of a fit: by count, so that equal problems give equal models
RIDGE_TERMS = 10  # ridge multiplies whole matrices, that many times as fast
IMPOSSIBLE = -1e9  # raw sum of a class that was never seen


@dataclass(frozen=True)
class LinearModel:
    """Coefficients `[outputs, features]` and the start of each sum."""

    coefficients: Floats
    intercept: Floats
    rounds: int = 1
    grown: int = 1

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        sums = values @ self.coefficients.T + self.intercept
        return np.asarray(sums[:, 0] if len(self.intercept) == 1 else sums, dtype=np.float64)

    def dump(self) -> ModelDump:
        """Give coefficients and intercept as JSON."""
        numbers = {"coefficients": self.coefficients.tolist(), "intercept": self.intercept.tolist()}
        return ModelDump("linear-json", canonical_json(numbers))


class LinearLearner:
    """Fits a linear model; implements `Learner`. A class that no row has gets a probability of 0."""

    def fit(self, candidate: Candidate, task: FitTask) -> LinearModel:
        """Fit on at most as many rows as `most_linear_rows` allows."""
        matrix, target, weight = task.train.values, task.train.target, task.train.weight
        most = most_linear_rows(task, matrix.shape[1])
        if len(target) > most:
            chosen = np.random.default_rng(task.seed).permutation(len(target))[:most]
            if task.task != "regression":  # a rare class keeps a row at least
                chosen = np.union1d(chosen, np.unique(target, return_index=True)[1])
            chosen = np.sort(chosen)
            matrix, target, weight = matrix[chosen], target[chosen], weight[chosen]
        if matrix.shape[1] == 0:
            return LinearModel(np.zeros((1, 0)), np.zeros(1))
        strength = float(candidate.settings["C"])
        if task.is_count:
            counts = PoissonRegressor(alpha=1.0 / len(target), max_iter=MOST_ITERATIONS)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                counts.fit(matrix, target, sample_weight=weight)
            return LinearModel(np.atleast_2d(counts.coef_), np.atleast_1d(counts.intercept_))
        if task.task == "regression":
            ridge = Ridge(alpha=1.0 / strength).fit(matrix, target, sample_weight=weight)
            return LinearModel(np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_))
        model = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a rung of the ladder, not the last word
            model.fit(matrix, target, sample_weight=weight)
        if task.task == "multiclass":
            return _with_absent_classes(model, task.classes)
        return LinearModel(model.coef_, model.intercept_)


def most_linear_rows(task: FitTask, width: int) -> int:
    """Give how many rows a linear fit may see."""
    coefficients = max(width, 1) * (task.classes if task.task == "multiclass" else 1)
    is_ridge = task.task == "regression" and not task.is_count
    turns = max(width / RIDGE_TERMS, 1.0) if is_ridge else MOST_ITERATIONS
    return int(min(MOST_LINEAR_ROWS, max(MOST_TERMS / (coefficients * turns), FEWEST_LINEAR_ROWS)))


def linear_json(coefficients: Floats, intercept: Floats, link: str) -> str:
    """Give the text of model.linear.json: coefficients `[outputs, features]` and a start for each output."""
    return canonical_json(
        {
            "format": 1,
            "features": int(coefficients.shape[1]),
            "link": link,
            "coefficients": coefficients.tolist(),
            "intercept": intercept.tolist(),
        }
    )


def read_linear(text: str) -> LinearModel:
    """Read what `LinearModel.dump` gave."""
    numbers = json.loads(text)
    intercept = np.array(numbers["intercept"], dtype=np.float64)
    coefficients = np.array(numbers["coefficients"], dtype=np.float64).reshape(len(intercept), -1)
    return LinearModel(coefficients, intercept)


def _with_absent_classes(model: LogisticRegression, classes: int) -> LinearModel:
    present = model.classes_.astype(np.int64)
    found, start = model.coef_, model.intercept_
    if len(present) == 2:  # scikit-learn keeps one row for two classes
        found = np.vstack([-found / 2, found / 2])
        start = np.array([-start[0] / 2, start[0] / 2])
    coefficients = np.zeros((classes, found.shape[1]))
    intercept = np.full(classes, IMPOSSIBLE)
    coefficients[present], intercept[present] = found, start
    return LinearModel(coefficients, intercept)
