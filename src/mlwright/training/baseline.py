"""The baseline trainer: LightGBM beside a linear model and a constant; the best by the metric is kept."""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from mlwright.errors import TrainingError
from mlwright.evaluation import is_loss, metric_value
from mlwright.features import (
    TransformDocument,
    apply_transform,
    categorical_outputs,
    fit_linear_transform,
    fit_tree_transform,
    training_matrix,
)
from mlwright.store import canonical_json
from mlwright.training.boosting import Boosted, fit_boosting, refit_boosting
from mlwright.training.trainer import Document, FitRequest, Fitted, Floats, Rung

MOST_LINEAR_ROWS = 100_000  # a linear model learns no more from more
F1_STEPS = 200
IMPOSSIBLE = -1e9  # raw sum of a class that was never seen


@dataclass(frozen=True)
class _Part:
    """Rows of one side of the inner split."""

    rows: npt.NDArray[np.int64]
    target: Floats


class BaselineTrainer:
    """Fits the ladder constant, linear, LightGBM; implements `Trainer`."""

    def fit(self, request: FitRequest) -> Fitted:
        """Fit all rungs, keep the best, refit it on all rows.

        Raises `TrainingError` when no rung gives a finite metric.
        """
        train = _Part(request.inner_train, request.target[request.inner_train])
        valid = _Part(request.inner_valid, request.target[request.inner_valid])
        constant = self._constant(request, train, valid)
        request.move(0.02, "linear model")
        linear, linear_scores = self._linear(request, train, valid)
        boosted, boosting, boosted_scores = self._boosting(request, train, valid)
        rungs = (constant, linear, boosting)
        if not np.isfinite([linear.value, boosting.value]).any():
            raise TrainingError(
                f"no model has a {request.metric} on the inner validation rows",
                hint="look at the label: is there more than one class among the newest training rows?",
            )
        sign = -1.0 if is_loss(request.metric) else 1.0
        prefers_linear = sign * np.nan_to_num(linear.value, nan=-np.inf) > sign * np.nan_to_num(
            boosting.value, nan=-np.inf
        )
        scores = linear_scores if prefers_linear else boosted_scores
        threshold = choose_threshold(request, valid.target, scores)
        facts: Document = {"rounds": boosted.rounds, "budget_ran_out": boosted.ran_out}
        if prefers_linear:
            return self._keep_linear(request, threshold, rungs, facts)
        return self._keep_boosting(request, boosted, threshold, rungs, facts)

    def _constant(self, request: FitRequest, train: _Part, valid: _Part) -> Rung:
        if request.task == "multiclass":
            shares = np.bincount(train.target.astype(np.int64), minlength=request.classes) / len(train.target)
            scores = np.tile(shares, (len(valid.target), 1))
        else:
            scores = np.full(len(valid.target), float(train.target.mean()))
        return Rung("constant", metric_value(request.metric, valid.target, scores), 0.0)

    def _linear(self, request: FitRequest, train: _Part, valid: _Part) -> tuple[Rung, Floats]:
        began = time.process_time()
        document = self._linear_document(request, train)
        if request.task != "regression" and len(np.unique(train.target)) < 2:
            note = "the inner training rows have one class only"
            return Rung("linear", float("nan"), 0.0, note), np.zeros(len(valid.target))
        model, coefficients = self._fit_linear(request, document, train)
        matrix = apply_transform(document, request.frame[valid.rows], list(request.inputs))
        scores = _linear_scores(request.task, model, matrix)
        value = metric_value(request.metric, valid.target, scores)
        note = f"{coefficients} coefficients"
        return Rung("linear", value, time.process_time() - began, note), scores

    def _boosting(self, request: FitRequest, train: _Part, valid: _Part) -> tuple[Boosted, Rung, Floats]:
        document = self._tree_document(request, train)
        frame, inputs = request.frame, list(request.inputs)
        matrix = training_matrix(
            document, frame[train.rows], inputs, train.target, task=request.task, seed=request.seed
        )
        checking = apply_transform(document, frame[valid.rows], inputs)
        boosted = fit_boosting(
            request, (matrix, train.target), (checking, valid.target), categorical_outputs(document)
        )
        scores = np.asarray(boosted.booster.predict(checking, num_iteration=boosted.rounds), dtype=np.float64)
        value = metric_value(request.metric, valid.target, scores)
        note = f"{boosted.rounds} rounds" + (", the CPU budget ended it" if boosted.ran_out else "")
        return boosted, Rung("LightGBM", value, boosted.cpu_seconds, note), scores

    def _keep_linear(
        self, request: FitRequest, threshold: float | None, rungs: tuple[Rung, ...], facts: Document
    ) -> Fitted:
        everything = _Part(np.arange(request.frame.height), request.target)
        document = self._linear_document(request, everything)
        model, _ = self._fit_linear(request, document, everything)
        return Fitted(
            "linear",
            _linear_json(request.task, model),
            dict(document),
            threshold,
            rungs,
            {**facts, "kept": "linear"},
        )

    def _keep_boosting(
        self,
        request: FitRequest,
        boosted: Boosted,
        threshold: float | None,
        rungs: tuple[Rung, ...],
        facts: Document,
    ) -> Fitted:
        everything = _Part(np.arange(request.frame.height), request.target)
        document = self._tree_document(request, everything)
        matrix = training_matrix(
            document,
            request.frame,
            list(request.inputs),
            request.target,
            task=request.task,
            seed=request.seed,
        )
        booster = refit_boosting(
            request, (matrix, request.target), boosted.rounds, categorical_outputs(document)
        )
        text = booster.model_to_string()
        return Fitted("trees", text, dict(document), threshold, rungs, {**facts, "kept": "LightGBM"})

    def _tree_document(self, request: FitRequest, part: _Part) -> TransformDocument:
        return fit_tree_transform(
            request.frame[part.rows], part.target, list(request.inputs), task=request.task, seed=request.seed
        )

    def _linear_document(self, request: FitRequest, part: _Part) -> TransformDocument:
        return fit_linear_transform(
            request.frame[part.rows], part.target, list(request.inputs), task=request.task, seed=request.seed
        )

    def _fit_linear(
        self, request: FitRequest, document: TransformDocument, part: _Part
    ) -> tuple[LogisticRegression | Ridge, int]:
        matrix = training_matrix(
            document,
            request.frame[part.rows],
            list(request.inputs),
            part.target,
            task=request.task,
            seed=request.seed,
        )
        target = part.target
        if len(target) > MOST_LINEAR_ROWS:
            chosen = np.sort(np.random.default_rng(request.seed).permutation(len(target))[:MOST_LINEAR_ROWS])
            matrix, target = matrix[chosen], target[chosen]
        if matrix.shape[1] == 0:
            matrix = np.zeros((len(target), 1))
        model = Ridge(alpha=1.0) if request.task == "regression" else LogisticRegression(C=1.0, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a rung of the ladder, not the last word
            model.fit(matrix, target)
        if isinstance(model, LogisticRegression) and request.task == "multiclass":
            _add_absent_classes(model, request.classes)
        return model, int(np.size(model.coef_))


def choose_threshold(request: FitRequest, target: Floats, scores: Floats) -> float | None:
    """Give the threshold of a binary model: the configured one, or the one with the best F1."""
    if request.task != "binary":
        return None
    if request.threshold != "best_f1":
        return float(request.threshold)
    candidates = np.unique(np.quantile(scores, np.linspace(0.5, 0.9995, F1_STEPS)))
    positives = target.sum()

    def f1(threshold: float) -> float:
        taken = scores >= threshold
        hits = float(target[taken].sum())
        return 2 * hits / max(float(taken.sum()) + float(positives), 1.0)

    return float(max(candidates, key=f1))


def library_scores(fitted_engine: str, model: str, task: str, matrix: Floats) -> Floats:
    """Score a matrix with the library that trained the model: what the parity gate compares with."""
    if fitted_engine == "trees":
        import lightgbm as lgb

        booster = lgb.Booster(model_str=model)
        return np.asarray(booster.predict(matrix), dtype=np.float64)
    return _linear_scores(task, _linear_model(task, model), matrix)


def _linear_model(task: str, text: str) -> LogisticRegression | Ridge:
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


def _linear_scores(task: str, model: LogisticRegression | Ridge, matrix: Floats) -> Floats:
    if task == "regression":
        return np.asarray(model.predict(matrix), dtype=np.float64)
    scores = np.asarray(model.predict_proba(matrix), dtype=np.float64)
    return scores[:, 1] if task == "binary" else scores


def _linear_json(task: str, model: LogisticRegression | Ridge) -> str:
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
