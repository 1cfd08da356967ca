"""Everything that the held-out rows say about a model, as the document `evaluation.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.data import ClassValue
from mlwright.errors import TooFewRows
from mlwright.evaluation.bootstrap import Drawing, bootstrap_interval, bootstrap_intervals
from mlwright.evaluation.metric import Floats, told_metrics
from mlwright.evaluation.ranking import PLACES, Codes, judged_lists
from mlwright.evaluation.reliability import equal_bins
from mlwright.project import Task
from mlwright.project.config import MetricName

CALIBRATION_BINS = 10
BAD_QUANTILE = 0.9  # of absolute errors: a regression's row beyond it counts as an error


@dataclass(frozen=True)
class Calibration:
    """Predicted and observed rates in bins of equally many rows, and their mean distance (ECE)."""

    error: float
    bins: list[dict[str, float]]


def evaluate(  # noqa: PLR0913  # predictions, and how to read them
    task: Task,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    classes: Sequence[ClassValue] = (),
    threshold: float = 0.5,
    blocks: npt.NDArray[np.generic] | None = None,
    seed: int = 7,
    metrics: Sequence[MetricName] = (),
) -> dict[str, object]:
    """Give metrics with intervals, calibration, confusion at the threshold and the quality counts.

    Metrics are those of the task unless some are named; blocks are the lists of NDCG. The quality counts are
    the reference of monitors: a binary model's missed positives and false alarms, wrong rows of several
    classes, rows beyond the 90 % point of absolute errors of a regression. Raises `TooFewRows` without rows.
    """
    labels, predictions = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if not len(labels):
        raise TooFewRows("there are no held-out rows to evaluate on", hint="look at `split` in [data]")
    drawing = Drawing(blocks, seed)
    names = metrics or told_metrics(task)
    intervals = bootstrap_intervals(names, labels, predictions, drawing, threshold=threshold)
    found: dict[str, object] = {
        "task": task,
        "rows": len(labels),
        "metrics": {name: interval.to_json() for name, interval in intervals.items()},
    }
    if blocks is not None:
        found["blocks"] = len(np.unique(blocks))
    match task:
        case "binary":
            decided = (predictions >= threshold).astype(np.int64)
            found["base_rate"] = float(labels.mean())
            found["threshold"] = threshold
            found["calibration"] = _calibration_json(calibrate(labels, predictions))
            found["confusion"] = _confusion(labels, decided, list(classes) or [0, 1])
            found["quality"] = _binary_quality(labels, decided)
        case "multiclass":
            decided = predictions.argmax(axis=1)
            right = (decided == labels).astype(np.float64)
            found["calibration"] = _calibration_json(calibrate(right, predictions.max(axis=1)))
            found["confusion"] = _confusion(
                labels, decided, list(classes) or list(range(predictions.shape[1]))
            )
            found["quality"] = {"rows": len(labels), "errors": int((1 - right).sum())}
        case "regression":
            found["quality"] = _regression_quality(np.abs(labels - predictions))
    return found


def ranking_quality(y: Floats, p: Floats, lists: Codes, *, seed: int = 7) -> dict[str, object]:
    """Give the mean NDCG over lists with its interval, and what no order at all would have.

    Rows without a list are left out. The interval draws whole lists.
    """
    known = lists >= 0
    y, p, lists = y[known], p[known], lists[known]
    _, chance = judged_lists(y, np.zeros(len(y)), lists)
    judged = np.isfinite(chance)
    return {
        "places": PLACES,
        "lists": len(chance),
        "judged": int(judged.sum()),
        "ndcg": bootstrap_interval("ndcg", y, p, blocks=lists, seed=seed).to_json(),
        "unordered": float(chance[judged].mean()) if judged.any() else None,
    }


def calibrate(y: Floats, p: Floats, *, bins: int = CALIBRATION_BINS) -> Calibration:
    """Compare predicted with observed rates.

    >>> calibrate(np.array([0.0, 1.0] * 50), np.full(100, 0.5)).error
    0.0
    """
    parts = equal_bins(p, bins)
    table = [
        {"rows": len(part), "predicted": float(p[part].mean()), "observed": float(y[part].mean())}
        for part in parts
    ]
    distance = sum(row["rows"] * abs(row["predicted"] - row["observed"]) for row in table)
    return Calibration(distance / len(p), table)


def _calibration_json(calibration: Calibration) -> dict[str, object]:
    return {"ece": calibration.error, "bins": calibration.bins}


def _confusion(
    labels: Floats, decided: npt.NDArray[np.int64], classes: list[ClassValue]
) -> dict[str, object]:
    size = len(classes)
    cells = np.bincount(labels.astype(np.int64) * size + decided, minlength=size * size)
    return {"classes": classes, "rows": cells.reshape(size, size).tolist(), "axes": ["actual", "predicted"]}


def _binary_quality(labels: Floats, decided: npt.NDArray[np.int64]) -> dict[str, int]:
    positive = labels == 1
    return {
        "positives": int(positive.sum()),
        "missed": int((positive & (decided == 0)).sum()),
        "negatives": int((~positive).sum()),
        "false_alarms": int((~positive & (decided == 1)).sum()),
    }


def _regression_quality(errors: Floats) -> dict[str, float]:
    limit = float(np.quantile(errors, BAD_QUANTILE))
    return {"error_quantile": limit, "rows": len(errors), "errors": int((errors > limit).sum())}
