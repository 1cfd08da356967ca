"""What the answers on held-out rows are worth: reliability, lift, cost, errors, by kind of task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from mlwright.data import ClassValue
from mlwright.evaluation.bootstrap import Drawing
from mlwright.evaluation.curves import cost_curve, coverage_curve, lift_curve
from mlwright.evaluation.reliability import reliability_bins
from mlwright.project import Task, TrainingConfig
from mlwright.training.learner import Floats

MOST_CLASSES = 20
MOST_POINTS = 300
HISTOGRAM_BINS = 30
EDGE = 0.005  # of errors on each side of the histogram that its outer bins take in


def answer_curves(  # noqa: PLR0913  # answers by position, how to read them by keyword
    task: Task,
    y: Floats,
    p: Floats,
    *,
    classes: Sequence[ClassValue],
    threshold: float | None,
    settings: TrainingConfig,
    drawing: Drawing,
) -> dict[str, object]:
    """Give what can be drawn of the answers to rows that the model has not seen."""
    match task:
        case "binary":
            return _binary(
                y, p, threshold=0.5 if threshold is None else threshold, settings=settings, drawing=drawing
            )
        case "multiclass":
            return _multiclass(y, p, classes=classes, drawing=drawing)
        case "regression":
            return _regression(y, p, drawing=drawing)
        case _:
            assert_never(task)


def _binary(
    y: Floats, p: Floats, *, threshold: float, settings: TrainingConfig, drawing: Drawing
) -> dict[str, object]:
    missed, false_alarm = settings.cost_missed, settings.cost_false_alarm
    costs = cost_curve(y, p, missed=missed, false_alarm=false_alarm, thresholds=(threshold,), drawing=drawing)
    best = min(costs, key=lambda point: point.cost.value)
    rate = float(y.mean())
    return {
        "base_rate": rate,
        "reliability": [part.to_json() for part in reliability_bins(y, p, drawing)],
        "scores": _histogram(p, np.linspace(0, 1, HISTOGRAM_BINS + 1)),
        "lift": [point.to_json() for point in lift_curve(y, p, drawing)],
        "cost": {
            "missed": missed,
            "false_alarm": false_alarm,
            "threshold": threshold,
            "rule": settings.threshold if isinstance(settings.threshold, str) else "given",
            "best_threshold": best.threshold,
            "best": best.cost.to_json(),
            "none_positive": 1000.0 * missed * rate,
            "all_positive": 1000.0 * false_alarm * (1 - rate),
            "points": [point.to_json() for point in costs],
        },
    }


def _multiclass(
    y: Floats, p: Floats, *, classes: Sequence[ClassValue], drawing: Drawing
) -> dict[str, object]:
    decided, confidence = p.argmax(axis=1), p.max(axis=1)
    right = (decided == y).astype(np.float64)
    order = np.argsort(-np.bincount(y.astype(np.int64), minlength=p.shape[1]), kind="stable")
    shown = order[:MOST_CLASSES]
    table = []
    for place in shown:
        actual, said = y == place, decided == place
        both = float((actual & said).sum())
        table.append(
            {
                "class": classes[place] if len(classes) > place else int(place),
                "rows": int(actual.sum()),
                "recall": both / max(float(actual.sum()), 1.0) if actual.any() else None,
                "precision": both / float(said.sum()) if said.any() else None,
            }
        )
    return {
        "classes": int(p.shape[1]),
        "reliability": [part.to_json() for part in reliability_bins(right, confidence, drawing)],
        "coverage": coverage_curve(right, confidence, drawing),
        "by_class": table,
    }


def _regression(y: Floats, p: Floats, *, drawing: Drawing) -> dict[str, object]:
    errors = p - y
    low, high = np.quantile(errors, [EDGE, 1 - EDGE])
    edges = np.linspace(low, high if high > low else low + 1.0, HISTOGRAM_BINS + 1)
    shown = np.random.default_rng(drawing.seed).permutation(len(y))[:MOST_POINTS]
    shares = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    return {
        "reliability": [part.to_json() for part in reliability_bins(y, p, drawing)],
        "errors": _histogram(np.clip(errors, edges[0], edges[-1]), edges),
        "error_quantiles": [
            {"share": share, "error": float(value)}
            for share, value in zip(shares, np.quantile(errors, shares), strict=True)
        ],
        "points": [[float(p[row]), float(y[row])] for row in np.sort(shown)],
    }


def _histogram(values: Floats, edges: Floats) -> dict[str, object]:
    counts, _ = np.histogram(values, edges)
    return {"edges": [float(edge) for edge in edges], "rows": [int(count) for count in counts]}
