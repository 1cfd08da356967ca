"""Everything that the held-out rows say about a model, as the document `evaluation.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.data import ClassValue
from mlwright.errors import TooFewRows
from mlwright.evaluation.bootstrap import Drawing, bootstrap_intervals
from mlwright.evaluation.metric import COUNT_METRICS, METRICS, Floats
from mlwright.evaluation.reliability import equal_bins
from mlwright.project import Task

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
    is_count: bool = False,
) -> dict[str, object]:
    """Give all metrics with intervals, calibration, confusion at the threshold and the quality counts.

    The quality counts are the reference of monitors: a binary model's missed positives and false alarms,
    wrong rows of several classes, rows beyond the 90 % point of absolute errors of a regression. Raises
    `TooFewRows` without rows.
    """
    labels, predictions = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if not len(labels):
        raise TooFewRows("there are no held-out rows to evaluate on", hint="look at `split` in [data]")
    drawing = Drawing(blocks, seed)
    names = COUNT_METRICS if is_count else METRICS[task]
    intervals = bootstrap_intervals(names, labels, predictions, drawing, threshold=threshold)
    metrics = {name: interval.to_json() for name, interval in intervals.items()}
    found: dict[str, object] = {"task": task, "rows": len(labels), "metrics": metrics}
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
