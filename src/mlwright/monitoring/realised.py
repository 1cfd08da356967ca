"""Metrics of what was served, on the rows whose label has arrived."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlwright.monitoring.reference import Reference

if TYPE_CHECKING:
    import polars as pl

LABELS_OF_BOTH_KINDS = 10


def realised_metrics(joined: pl.DataFrame, reference: Reference, version: int) -> dict[str, float]:
    """Give metrics of one version over its labelled rows; empty while there are too few to say anything.

    Show them only beside the label coverage: rows whose label is late may be of another kind.
    """
    import json

    import polars as pl

    labelled = joined.filter((pl.col("version") == version) & pl.col("label").is_not_null())
    values = [json.loads(text) for text in labelled.get_column("label")]
    predicted = labelled.get_column("prediction").to_list()
    if reference.task == "regression":
        return _regression(predicted, values)
    classes = [reference.class_of(value) for value in values]
    rows = [
        (int(p), c, s)
        for p, c, s in zip(predicted, classes, labelled["scores"], strict=True)
        if c is not None
    ]
    if not rows:
        return {}
    found = {"accuracy": sum(p == c for p, c, _ in rows) / len(rows)}
    if reference.task == "binary":
        positive = reference.positive_index
        found |= _binary([(p == positive, c == positive, _score(s)) for p, c, s in rows])
    return found


def _binary(rows: list[tuple[bool, bool, float]]) -> dict[str, float]:
    import polars as pl

    positives = sum(label for _, label, _ in rows)
    negatives = len(rows) - positives
    if min(positives, negatives) < LABELS_OF_BOTH_KINDS:
        return {}
    caught = sum(predicted and label for predicted, label, _ in rows)
    flagged = sum(predicted for predicted, _, _ in rows)
    ranks = pl.Series([score for _, _, score in rows]).rank("average")
    above = sum(rank for rank, (_, label, _) in zip(ranks, rows, strict=True) if label)
    return {
        "auc": (above - positives * (positives + 1) / 2) / (positives * negatives),
        "recall": caught / positives,
        "precision": caught / flagged if flagged else 0.0,
    }


def _regression(predicted: list[float], values: list[object]) -> dict[str, float]:
    pairs = [
        (p, float(v))
        for p, v in zip(predicted, values, strict=True)
        if isinstance(v, int | float) and not isinstance(v, bool)
    ]
    if not pairs:
        return {}
    errors = [p - v for p, v in pairs]
    return {
        "mae": sum(abs(error) for error in errors) / len(errors),
        "rmse": math.sqrt(sum(error * error for error in errors) / len(errors)),
    }


def _score(scores: pl.Series) -> float:
    """Give the positive class's probability: the last of one or two outputs."""
    return float(scores[-1]) if len(scores) else math.nan
