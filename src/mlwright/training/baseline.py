"""The baseline trainer: LightGBM beside a linear model and a constant; the best by the metric is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
from mlwright.project import MetricName
from mlwright.training.boosting import Boosted, fit_boosting, refit_boosting
from mlwright.training.fit_request import Document, FitRequest, Fitted, Floats, Rung
from mlwright.training.linear import fit_linear, linear_json, linear_model, linear_scores

F1_STEPS = 200


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
        linear, scores_of_linear = self._linear(request, train, valid)
        boosted, boosting, boosted_scores = self._boosting(request, train, valid)
        rungs = (constant, linear, boosting)
        if not np.isfinite([linear.value, boosting.value]).any():
            raise TrainingError(
                f"no model has a {request.metric} on the inner validation rows",
                hint="look at the label: is there more than one class among the newest training rows?",
            )
        prefers_linear = is_better(request.metric, linear.value, boosting.value)
        scores = scores_of_linear if prefers_linear else boosted_scores
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
        model = self._fit_linear(request, document, train)
        matrix = apply_transform(document, request.frame[valid.rows], list(request.inputs))
        scores = linear_scores(request.task, model, matrix)
        value = metric_value(request.metric, valid.target, scores)
        note = f"{np.size(model.coef_)} coefficients"
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
        model = self._fit_linear(request, document, everything)
        return Fitted(
            "linear",
            linear_json(request.task, model),
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
    ) -> LogisticRegression | Ridge:
        matrix = training_matrix(
            document,
            request.frame[part.rows],
            list(request.inputs),
            part.target,
            task=request.task,
            seed=request.seed,
        )
        return fit_linear(request, matrix, part.target)


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


def choose_threshold(request: FitRequest, target: Floats, scores: Floats) -> float | None:
    """Give the threshold of a binary model: the configured one, or the one with the best F1.

    Without a positive row there is no F1, and it is 0.5.
    """
    if request.task != "binary":
        return None
    if request.threshold != "best_f1":
        return float(request.threshold)
    positives = float(target.sum())
    if not positives:
        return 0.5
    shares = np.r_[np.linspace(0.0, 0.5, F1_STEPS), np.linspace(0.5, 0.9995, F1_STEPS)]

    def f1(threshold: float) -> float:
        taken = scores >= threshold
        return 2 * float(target[taken].sum()) / (float(taken.sum()) + positives)

    return float(max(np.unique(np.quantile(scores, shares)), key=f1))


def library_scores(fitted_engine: str, model: str, task: str, matrix: Floats) -> Floats:
    """Score a matrix with the library that trained the model: what the parity gate compares with."""
    if fitted_engine == "trees":
        import lightgbm as lgb

        booster = lgb.Booster(model_str=model)
        return np.asarray(booster.predict(matrix), dtype=np.float64)
    return linear_scores(task, linear_model(task, model), matrix)
