"""How much worse a model is when the values of a column are shuffled among rows.

Breiman 2001, Random Forests, section 10, on rows that the model has not seen. The interval holds both that
other rows could have been drawn and that they could have been shuffled otherwise. Columns that tell the same
share their importance: each alone can look unimportant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.evaluation.bootstrap import Drawing, draws_interval
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import Floats, is_loss, prepare
from mlwright.project.config import MetricName

REPETITIONS = 60
DRAWING = Drawing(repetitions=REPETITIONS)


class ShuffleJudge:
    """Judges predictions for shuffled rows against those of the same rows as they were."""

    def __init__(
        self,
        name: MetricName,
        y: Floats,
        p: Floats,
        *,
        drawing: Drawing = DRAWING,
        threshold: float = 0.5,
    ) -> None:
        self._name, self._y, self._threshold = name, y, threshold
        self._sign = -1.0 if is_loss(name) else 1.0
        self._weights = list(drawing.weights(len(y)))
        self._blocks = drawing.count(len(y))
        self._lists = drawing.lists
        metric = prepare(name, y, p, threshold, self._lists)
        self._whole = metric(np.ones(len(y)))
        self._drawn = np.asarray([metric(weights) for weights in self._weights])

    def drop(self, shuffled: Sequence[Floats]) -> Interval:
        """Give how much worse the metric is, by predictions of each shuffle; positive is worse.

        >>> y = np.tile([0.0, 1.0], 200)
        >>> judge = ShuffleJudge("auc", y, y)
        >>> judge.drop([y]).value, 0.4 < judge.drop([np.random.default_rng(7).permutation(y)]).low
        (0.0, True)
        """
        metrics = [prepare(self._name, self._y, p, self._threshold, self._lists) for p in shuffled]
        whole = np.ones(len(self._y))
        value = float(np.mean([self._sign * (self._whole - metric(whole)) for metric in metrics]))
        draws = np.asarray(
            [
                self._sign * (before - metrics[number % len(metrics)](weights))
                for number, (before, weights) in enumerate(zip(self._drawn, self._weights, strict=True))
            ]
        )
        return draws_interval(value, draws, self._blocks)
