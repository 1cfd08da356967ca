"""The linear rung: logistic or ridge regression within its share of the budget, as data and back."""

from __future__ import annotations

import json
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from mlwright.store import canonical_json
from mlwright.training.fit_request import FitRequest, Floats

MOST_LINEAR_ROWS = 100_000  # a linear model learns no more from more
MOST_ITERATIONS = 200
FEWEST_LINEAR_ROWS = 1_000
LINEAR_SHARE = 0.1  # of the budget may go into the linear model
TERMS_PER_S = 1e9  # measured: a row's products with coefficients and back, of one iteration on one core
RIDGE_TERMS = 10  # ridge multiplies whole matrices, that many times as fast
IMPOSSIBLE = -1e9  # raw sum of a class that was never seen


def fit_linear(request: FitRequest, matrix: Floats, target: Floats) -> LogisticRegression | Ridge:
    """Fit on as many rows as the budget affords; a class that no row has gets a probability of 0."""
    most = most_linear_rows(request, matrix.shape[1])
    if len(target) > most:
        chosen = np.random.default_rng(request.seed).permutation(len(target))[:most]
        if request.task != "regression":  # a rare class keeps a row at least
            chosen = np.union1d(chosen, np.unique(target, return_index=True)[1])
        chosen = np.sort(chosen)
        matrix, target = matrix[chosen], target[chosen]
    if matrix.shape[1] == 0:
        matrix = np.zeros((len(target), 1))
    model = (
        Ridge(alpha=1.0)
        if request.task == "regression"
        else LogisticRegression(C=1.0, max_iter=MOST_ITERATIONS)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a rung of the ladder, not the last word
        model.fit(matrix, target)
    if isinstance(model, LogisticRegression) and request.task == "multiclass":
        _add_absent_classes(model, request.classes)
    return model


def most_linear_rows(request: FitRequest, width: int) -> int:
    """Give how many rows the linear model may see within its share of the budget.

    By count and not by clock, so that the same request gives the same model.
    """
    coefficients = max(width, 1) * (request.classes if request.task == "multiclass" else 1)
    turns = max(width / RIDGE_TERMS, 1.0) if request.task == "regression" else MOST_ITERATIONS
    affordable = request.budget_cpu_s * LINEAR_SHARE * TERMS_PER_S / (coefficients * turns)
    return int(min(MOST_LINEAR_ROWS, max(affordable, FEWEST_LINEAR_ROWS)))


def linear_scores(task: str, model: LogisticRegression | Ridge, matrix: Floats) -> Floats:
    """Score a matrix: probabilities of the positive class or of all classes, or values."""
    if task == "regression":
        return np.asarray(model.predict(matrix), dtype=np.float64)
    scores = np.asarray(model.predict_proba(matrix), dtype=np.float64)
    return scores[:, 1] if task == "binary" else scores


def linear_json(task: str, model: LogisticRegression | Ridge) -> str:
    """Give the text of model.linear.json."""
    coefficients = np.atleast_2d(model.coef_)
    link = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}[task]
    return canonical_json(
        {
            "format": 1,
            "features": int(coefficients.shape[1]),
            "link": link,
            "coefficients": coefficients.tolist(),
            "intercept": np.atleast_1d(model.intercept_).tolist(),
        }
    )


def linear_model(task: str, text: str) -> LogisticRegression | Ridge:
    """Give the library's own model back from its coefficients."""
    document = json.loads(text)
    model = Ridge() if task == "regression" else LogisticRegression()
    coefficients, intercept = np.array(document["coefficients"]), np.array(document["intercept"])
    model.coef_ = coefficients[0] if task == "regression" else coefficients
    model.intercept_ = intercept[0] if task == "regression" else intercept
    if isinstance(model, LogisticRegression):
        model.classes_ = np.arange(max(len(intercept), 2))
    return model


def _add_absent_classes(model: LogisticRegression, classes: int) -> None:
    """Give classes that no training row had a probability of 0, so that every class has its column."""
    present = model.classes_.astype(np.int64)
    coefficients, intercept = model.coef_, model.intercept_
    if len(present) == 2:  # scikit-learn keeps one row for two classes
        coefficients = np.vstack([-coefficients / 2, coefficients / 2])
        intercept = np.array([-intercept[0] / 2, intercept[0] / 2])
    model.coef_ = np.zeros((classes, coefficients.shape[1]))
    model.intercept_ = np.full(classes, IMPOSSIBLE)
    model.coef_[present], model.intercept_[present] = coefficients, intercept
    model.classes_ = np.arange(classes)
