"""Outputs of texts that name something: the place of a level, marks of levels, or statistics of many."""

from __future__ import annotations

import numpy as np

from mlwright.features.document import OutputEntry
from mlwright.features.fitted import Output, TrainingRows
from mlwright.features.numeric import spread_of
from mlwright.features.target_statistic import Floats, Levels, ordered_means, target_means

MOST_LEVELS = 255  # LightGBM's native categories, exported exactly
MOST_ONEHOT = 12


def level_output(name: str, levels: Levels) -> Output:
    """Give the place of a value among the levels."""
    return Output({"name": name, "op": "level", "column": name, "levels": levels.names})


def onehot_outputs(name: str, levels: Levels) -> list[Output]:
    """Give a mark for each level."""
    return [
        Output({"name": f"{name}={level}", "op": "onehot", "column": name, "level": level})
        for level in levels.names
    ]


def statistics(name: str, levels: Levels, rows: TrainingRows, *, is_scaled: bool) -> list[Output]:
    """Give mean target and log count of each level as look-up tables."""
    ending = "|scaled" if is_scaled else ""
    outputs = []
    for suffix, target in rows.targets:
        means, rest = target_means(levels, target), float(target.mean())
        ordered = ordered_means(levels.codes, target, seed=rows.seed)
        if is_scaled:
            center, spread = target.mean(), spread_of(target)
            means, ordered, rest = (means - center) / spread, (ordered - center) / spread, 0.0
        outputs.append(Output(_table(f"{name}~{suffix}{ending}", name, levels, means, rest), ordered))
    counts, rest = np.log1p(levels.counts), 0.0
    if is_scaled:
        per_row = np.where(levels.codes >= 0, counts[levels.codes], 0.0)
        rest = float(-per_row.mean() / spread_of(per_row))
        counts = (counts - per_row.mean()) / spread_of(per_row)
    return [*outputs, Output(_table(f"{name}~count{ending}", name, levels, counts, rest))]


def _table(name: str, column: str, levels: Levels, values: Floats, rest: float) -> OutputEntry:
    return {
        "name": name,
        "op": "target",
        "column": column,
        "levels": levels.names,
        "values": values.tolist(),
        "default": rest,
    }
