"""Gaps between groups of people: how often they are chosen, and how often rightly and wrongly.

Each group is held against the rest. Rates of the other rows, and their gap with a 95 % interval, come from
the normal approximation of two proportions; chances are corrected over all groups and measures by Holm.
Reference: Hardt, Price and Srebro 2016, Equality of opportunity in supervised learning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import erfc, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.metric import Floats
from mlwright.evaluation.multiplicity import holm
from mlwright.project import Task

Measure = Literal["selection rate", "true positive rate", "false positive rate", "accuracy", "error"]
FEWEST_ROWS = 50
Z = 1.959964


@dataclass(frozen=True)
class Gap:
    """A measure within a group and among the others, the interval of their difference, and its chance."""

    group: str
    measure: Measure
    rows: int
    value: float
    others: float
    low: float
    high: float
    chance: float

    @property
    def difference(self) -> float:
        """Give how much more the group has than the others."""
        return self.value - self.others


def group_gaps(
    task: Task, groups: npt.NDArray[np.str_], y: Floats, p: Floats, *, threshold: float = 0.5
) -> list[Gap]:
    """Compare every group of at least 50 rows with the rest, the surest gap first; chances are corrected.

    >>> rng = np.random.default_rng(1)
    >>> groups = np.repeat(["a", "b"], 500)
    >>> scores = np.where(groups == "a", 0.3, 0.0) + rng.random(1000) * 0.7
    >>> first = group_gaps("binary", groups, np.zeros(1000), scores)[0]
    >>> first.group, first.chance < 0.001
    ('a', True)
    """
    gaps = [
        gap
        for measure, rows, values in _measures(task, y, p, threshold)
        for gap in _of(groups, measure, rows, values)
    ]
    chances = holm([gap.chance for gap in gaps])
    corrected = [replace(gap, chance=chance) for gap, chance in zip(gaps, chances, strict=True)]
    return sorted(corrected, key=lambda gap: (gap.chance, gap.group, gap.measure))


def _measures(
    task: Task, y: Floats, p: Floats, threshold: float
) -> Iterator[tuple[Measure, npt.NDArray[np.bool_], Floats]]:
    """Give each measure with the rows it speaks of, and what is to be averaged over them."""
    everyone = np.ones(len(y), dtype=bool)
    if task == "binary":
        chosen = (p >= threshold).astype(np.float64)
        yield "selection rate", everyone, chosen
        yield "true positive rate", y == 1, chosen
        yield "false positive rate", y == 0, chosen
    elif task == "multiclass":
        yield "accuracy", everyone, (p.argmax(axis=1) == y).astype(np.float64)
    else:
        yield "error", everyone, p - y


def _of(
    groups: npt.NDArray[np.str_], measure: Measure, rows: npt.NDArray[np.bool_], values: Floats
) -> Iterator[Gap]:
    names, codes = np.unique(groups[rows], return_inverse=True)
    asked = values[rows]
    for code, name in enumerate(names):
        inside, outside = asked[codes == code], asked[codes != code]
        if min(len(inside), len(outside)) < FEWEST_ROWS or (len(names) == 2 and code == 1):
            continue
        gap = float(inside.mean() - outside.mean())
        error = sqrt(inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside))
        pooled = sqrt(asked.var(ddof=1) * (1 / len(inside) + 1 / len(outside)))
        chance = erfc(abs(gap) / (pooled * sqrt(2))) if pooled > 0 else 1.0
        yield Gap(
            str(name),
            measure,
            len(inside),
            float(inside.mean()),
            float(outside.mean()),
            gap - Z * error,
            gap + Z * error,
            chance,
        )
