"""The score from which a row is called positive: given, or the best by F1, by cost, or by capacity."""

from __future__ import annotations

import numpy as np

from mlwright.project import TrainingConfig
from mlwright.training.learner import Floats

F1_STEPS = 200


def choose_threshold(settings: TrainingConfig, target: Floats, scores: Floats) -> float:
    """Choose on rows that the model has not seen; without a positive row it is 0.5.

    By cost it minimises `cost_missed` and `cost_false_alarm`; by capacity `alert_share` of rows are positive.

    >>> settings = TrainingConfig(threshold="capacity", alert_share=0.1)
    >>> choose_threshold(settings, np.array([0.0, 1.0]), np.linspace(0, 1, 101))
    0.9
    """
    if isinstance(settings.threshold, float):
        return settings.threshold
    positives = float(target.sum())
    if not positives:
        return 0.5
    if settings.threshold == "capacity":
        return float(np.quantile(scores, 1 - settings.alert_share))
    shares = np.r_[np.linspace(0.0, 0.5, F1_STEPS), np.linspace(0.5, 0.9995, F1_STEPS)]
    missed, false_alarm = settings.cost_missed, settings.cost_false_alarm

    def value(threshold: float) -> float:
        taken = scores >= threshold
        hits = float(target[taken].sum())
        if settings.threshold == "cost":
            return -(missed * (positives - hits) + false_alarm * (float(taken.sum()) - hits))
        return 2 * hits / (float(taken.sum()) + positives)

    return float(max(np.unique(np.quantile(scores, shares)), key=value))
