"""Compare results between the values of columns that are called sensitive."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Finding
from mlwright.evaluation.fairness import Gap, group_gaps
from mlwright.training.checks.check import CheckInput

ERROR_RATE = 0.05
RELEVANT = 0.05  # difference of rates
RELEVANT_RATIO = 0.8  # of selection rates, the four-fifths rule
RELEVANT_ERROR = 0.2  # of a regression's spread
MOST_LEVELS = 20
PARTS = 4
MOST_TOLD = 6


def check_fairness(given: CheckInput) -> list[Finding]:
    """Name gaps between groups of the columns in `sensitive`: `fairness.gap`."""
    names = [name for name in given.data.sensitive if name in given.frame.columns]
    if given.scores is None or not names or not len(given.test):
        return []
    target = given.target[given.test]
    threshold = 0.5 if given.threshold is None else given.threshold
    gaps = [
        (name, gap)
        for name in names
        for gap in group_gaps(
            given.task,
            _groups(given.frame[name][given.test]),
            target,
            given.scores,
            threshold=threshold,
        )
        if gap.chance * len(names) <= ERROR_RATE and _is_relevant(gap, float(target.std()))
    ]
    ordered = sorted(gaps, key=lambda item: item[1].chance)[:MOST_TOLD]
    return [_finding(name, gap, corrected=gap.chance * len(names)) for name, gap in ordered]


def _is_relevant(gap: Gap, spread: float) -> bool:
    if gap.measure == "error":
        return abs(gap.difference) >= RELEVANT_ERROR * spread
    if abs(gap.difference) >= RELEVANT:
        return True
    larger = max(gap.value, gap.others)
    return gap.measure == "selection rate" and min(gap.value, gap.others) < RELEVANT_RATIO * larger


def _finding(name: str, gap: Gap, *, corrected: float) -> Finding:
    text = (
        f"{gap.measure} is {gap.value:.3g} where {name} = {gap.group} ({gap.rows:,} rows) "
        f"and {gap.others:.3g} elsewhere (difference {gap.low:+.3g} to {gap.high:+.3g})"
    )
    evidence = {
        "group": gap.group,
        "measure": gap.measure,
        "rows": gap.rows,
        "value": gap.value,
        "others": gap.others,
        "low": gap.low,
        "high": gap.high,
        "p": corrected,
    }
    advice = (
        "ask whether the label itself is fair to this group; bring more of its rows, or another threshold"
    )
    return Finding("fairness.gap", "warning", text, evidence, advice, name)


def _groups(values: pl.Series) -> npt.NDArray[np.str_]:
    """Give the group of each row: its level, or the quarter of a number with many values."""
    if values.dtype.is_numeric() and values.n_unique() > MOST_LEVELS:
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        edges = np.nanquantile(numbers, np.linspace(0, 1, PARTS + 1)[1:-1])
        bounds = ["", *(f"{edge:.6g}" for edge in edges), ""]
        names = [f"{low}..{high}" for low, high in pairwise(bounds)]
        found = np.array(names)[np.searchsorted(edges, np.nan_to_num(numbers, nan=-np.inf))]
        return np.where(np.isnan(numbers), "(empty)", found).astype(str)
    texts = values.cast(pl.String).fill_null("(empty)")
    return texts.to_numpy().astype(str)
