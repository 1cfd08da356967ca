"""Which error rates a version is held to: its own promise, or a better one that was made before it.

A model that was retrained too early may pass its gates and promise little. Held to its own evaluation it
would never raise an alert again, and nobody would retrain. So the promise of its predecessor stays in force
when the new one is worse by more than the tolerance, measured by one number: a shift between missed positives
and false alarms at the same F1 is no broken promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlwright.monitoring.reference import Reference

STREAMS = (("missed", "positives"), ("false_alarms", "negatives"))


def hold_to(own: Reference, before: Reference | None, *, tolerance: float) -> Reference:
    """Give the yardstick of a version whose predecessor was held to `before`."""
    if before is None or before.task != own.task or before.classes != own.classes:
        return own
    loss, promised = promised_loss(own), promised_loss(before)
    if loss is None or promised is None or loss <= promised * tolerance:
        return own
    if own.task != "binary":
        return replace(own, quality=before.quality)
    return replace(own, quality=_better_of_each(own.quality, before.quality))


def promised_loss(reference: Reference) -> float | None:
    """Give one number for how bad an evaluation said a version is; None when it did not say.

    Binary: 1 - F1 at the packaged threshold. Several classes: the error rate. Regression: the bound that nine
    in ten errors keep.
    """
    quality = reference.quality
    if reference.task == "regression":
        return quality.get("error_quantile")
    if reference.task != "binary":
        rows = quality.get("rows")
        return quality["errors"] / rows if rows else None
    if not quality.get("positives"):
        return None
    hits = quality["positives"] - quality["missed"]
    errors = quality["missed"] + quality["false_alarms"]
    return errors / (2 * hits + errors) if errors else 0.0


def _better_of_each(own: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    chosen = dict(own)
    for bad, rows in STREAMS:
        if before.get(rows) and own.get(rows) and before[bad] / before[rows] < own[bad] / own[rows]:
            chosen |= {bad: before[bad], rows: before[rows]}
    return chosen
