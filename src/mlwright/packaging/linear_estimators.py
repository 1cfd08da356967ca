"""scikit-learn's linear models: their coefficients, and what their sums mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry
from mlwright.features.document import TextEntry
from mlwright.packaging.kernel_model import Task
from mlwright.packaging.pipeline_features import (
    OPERATIONS,
    Feature,
    Indicator,
    Lookup,
    Step,
    Term,
    Value,
    level_text,
)
from mlwright.packaging.pipeline_texts import Texts, sum_output

Floats = npt.NDArray[np.float64]
LinearLink: TypeAlias = Literal["identity", "sigmoid", "softmax", "exp", "ova"]
REGRESSORS = (
    *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars"),
    *(
        "LassoLars",
        "LassoLarsCV",
        "LassoLarsIC",
        "OrthogonalMatchingPursuit",
        "BayesianRidge",
        "ARDRegression",
    ),
    *("HuberRegressor", "QuantileRegressor", "TheilSenRegressor", "SGDRegressor", "LinearSVR"),
)
LOG_REGRESSORS = ("PoissonRegressor", "GammaRegressor")
CLASSIFIERS = ("LogisticRegression", "LogisticRegressionCV")
NAIVE_BAYES = ("MultinomialNB", "ComplementNB")
"""Their log odds are linear in counts; those of the others are not, or not in the numbers as they are."""


@dataclass(frozen=True)
class LinearHead:
    """A linear model over features: `coefficients` are [outputs, features]."""

    coefficients: Floats
    intercept: Floats
    link: LinearLink
    task: Task
    classes: tuple[object, ...] | None


def is_linear(fitted: object) -> bool:
    """Tell whether an estimator is one of scikit-learn's linear models, or of a class made from one."""
    return _own_class(fitted) is not None


def _own_class(fitted: object) -> str | None:
    """Name scikit-learn's own class; what a class made from it changes, the parity gate sees."""
    modules = ("sklearn.linear_model", "sklearn.svm")
    for kind in type(fitted).__mro__:
        is_bayes = kind.__module__ == "sklearn.naive_bayes" and kind.__name__ in NAIVE_BAYES
        if is_bayes or kind.__module__.startswith(modules):
            return kind.__name__
    return None


def linear_head(fitted: Any) -> LinearHead:
    """Read a fitted linear model. Raises `ModelUnsupported` for one whose answer is no probability."""
    name = _own_class(fitted) or type(fitted).__name__
    if name in NAIVE_BAYES:
        return _naive_bayes(fitted, name)
    if not hasattr(fitted, "coef_"):
        raise ModelUnsupported(f"the {name} is not fitted, or not linear", hint="call its fit first")
    coefficients = np.atleast_2d(np.asarray(fitted.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.asarray(fitted.intercept_, dtype=np.float64), (len(coefficients),))
    link, is_classifier = _link(fitted, name, len(coefficients))
    if not is_classifier:
        if len(coefficients) > 1:
            raise ModelUnsupported(f"the {name} has several targets", hint="fit one model for each target")
        return LinearHead(coefficients, intercept, link, "regression", None)
    classes = tuple(fitted.classes_.tolist())
    task: Task = "binary" if len(classes) == 2 else "multiclass"
    return LinearHead(coefficients, intercept, link, task, classes)


def _naive_bayes(fitted: Any, name: str) -> LinearHead:
    """Give what counts say for each class, in logarithms; of two classes, what more for the second."""
    coefficients = np.asarray(fitted.feature_log_prob_, dtype=np.float64)
    classes = tuple(fitted.classes_.tolist())
    intercept = np.zeros(len(classes))
    if name == "MultinomialNB":
        intercept = np.asarray(fitted.class_log_prior_, dtype=np.float64)
    if not (np.isfinite(coefficients).all() and np.isfinite(intercept).all()):
        raise ModelUnsupported(f"a {name} takes words for impossible", hint="set alpha above 0 and fit again")
    if len(classes) == 2:
        return LinearHead(np.diff(coefficients, axis=0), np.diff(intercept), "sigmoid", "binary", classes)
    return LinearHead(coefficients, intercept, "softmax", "multiclass", classes)


def _link(fitted: Any, name: str, outputs: int) -> tuple[LinearLink, bool]:
    if name in REGRESSORS:
        return "identity", False
    if name in LOG_REGRESSORS:
        return "exp", False
    if name == "TweedieRegressor":
        has_log = fitted.link == "log" or (fitted.link == "auto" and fitted.power > 0)
        return ("exp" if has_log else "identity"), False
    if name in CLASSIFIERS:
        is_one_of_all = fitted.solver == "liblinear" or getattr(fitted, "multi_class", "") == "ovr"
        return ("sigmoid" if outputs == 1 else "ova" if is_one_of_all else "softmax"), True
    if name == "SGDClassifier" and fitted.loss == "log_loss":
        return ("sigmoid" if outputs == 1 else "ova"), True
    raise ModelUnsupported(
        f"a {name} gives no probabilities that a package could hold",
        hint="use LogisticRegression, or SGDClassifier with loss='log_loss'; of regressors any linear one",
    )


@dataclass(frozen=True)
class LinearParts:
    """A linear model over a transform: its file and the outputs that it reads."""

    data: bytes
    outputs: list[OutputEntry]
    texts: list[TextEntry]


def linear_parts(
    head: LinearHead, features: Sequence[Feature], names: Sequence[str], level_texts: dict[int, list[str]]
) -> LinearParts:
    """Put a linear model over raw columns: one scaled number, one mark or one table for each feature.

    All tables of a column become one for each output of the model, so that a row costs one look-up however
    many levels there are. `level_texts` are the levels as texts by column.
    """
    outputs: list[OutputEntry] = []
    weights: list[Floats] = []
    intercept = head.intercept.copy()
    tables: dict[int, list[tuple[Lookup, Floats]]] = {}
    sums: dict[tuple[int, Texts], list[tuple[int, Floats]]] = {}
    for place, feature in enumerate(features):
        weight = head.coefficients[:, place]
        name = names[feature.column]
        match feature:
            case Term():
                slope, start = _slope(feature.steps)
                intercept = intercept + weight * start
                sums.setdefault((feature.column, feature.texts), []).append((feature.place, weight * slope))
            case Value():
                entry, mark = _scaled(feature, name, place)
                outputs.append(entry)
                weights.append(weight)
                if mark:
                    outputs.append({"name": f"{place}|{name}|null", "op": "isnull", "column": name})
                    weights.append(weight * mark)
            case Indicator():
                intercept = intercept + weight * feature.present
                outputs.append({"name": f"{place}|{name}|null", "op": "isnull", "column": name})
                weights.append(weight * (feature.missing - feature.present))
            case Lookup():
                tables.setdefault(feature.column, []).append((feature, weight))
    for column, parts in tables.items():
        for output in range(len(intercept)):
            outputs.append(_table(parts, output, names[column], level_texts[column]))
            weights.append(np.eye(len(intercept))[output])
    texts: list[TextEntry] = []
    for number, ((column, read), parts_of) in enumerate(sums.items()):
        texts.append(read.entry(f"{number}|{names[column]}", names[column]))
        for output in range(len(intercept)):
            each = np.zeros(len(read.terms))
            for at, weight in parts_of:
                each[at] += weight[output]
            name = f"{names[column]}|words|{number}|{output}"
            outputs.append(sum_output(name, names[column], texts[-1]["name"], each.tolist()))
            weights.append(np.eye(len(intercept))[output])
    matrix = np.array(weights).T if weights else np.zeros((len(intercept), 0))
    document = {
        "format": 1,
        "features": matrix.shape[1],
        "link": head.link,
        "coefficients": matrix.tolist(),
        "intercept": intercept.tolist(),
    }
    return LinearParts(json.dumps(document, sort_keys=True, allow_nan=False).encode(), outputs, texts)


def _scaled(feature: Value, name: str, place: int) -> tuple[OutputEntry, float]:
    """Give a number of a column after its steps, and what a missing one has to add to that."""
    slope, start = _slope(feature.steps)
    mean, scale = -start / slope, 1.0 / slope
    if [kind for kind, _ in feature.steps] == ["subtract", "divide"]:
        mean, scale = feature.steps[0][1], feature.steps[1][1]
    entry: OutputEntry = {
        "name": f"{place}|{name}",
        "op": "scale",
        "column": name,
        "fill": mean,
        "mean": mean,
        "scale": scale,
    }
    return entry, 0.0 if feature.missing is None else float(feature.missing)  # type: ignore[arg-type]


def _slope(steps: Sequence[Step]) -> tuple[float, float]:
    """Give a and b of a·x + b."""
    slope, start = 1.0, 0.0
    for kind, by in steps:
        start = OPERATIONS[kind](start, by)
        if kind in ("multiply", "divide"):
            slope = OPERATIONS[kind](slope, by)
    return slope, start


def _table(
    parts: Sequence[tuple[Lookup, Floats]], output: int, name: str, texts: Sequence[str]
) -> OutputEntry:
    """Add the tables of a column up, each with its weight."""
    totals, default = np.zeros(len(texts)), 0.0
    for feature, weights in parts:
        known = {
            level_text(level): value for level, value in zip(feature.levels, feature.values, strict=True)
        }
        known.setdefault("", feature.missing)
        rest = 0.0 if np.isnan(feature.unseen) else feature.unseen
        found = np.array([known.get(text, rest) for text in texts])
        totals += weights[output] * np.where(np.isnan(found), 0.0, found)
        default += weights[output] * rest
    return {
        "name": f"{name}|levels|{output}",
        "op": "target",
        "column": name,
        "levels": list(texts),
        "values": totals.tolist(),
        "default": float(default),
    }
