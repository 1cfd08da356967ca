"""Outputs of two columns that somebody asked for: a ratio or difference of numbers, a cross of two texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlwright.data import Column
from mlwright.features.categories import MOST_LEVELS
from mlwright.features.document import OutputEntry
from mlwright.features.fitted import Output, TrainingRows
from mlwright.features.numeric import scaled, spread_of
from mlwright.features.pair import Pair
from mlwright.features.target_statistic import Levels, find_levels, ordered_means, target_means

MOST_PAIRS = 5_000


def pair_outputs(
    pairs: Sequence[Pair], inputs: Sequence[Column], rows: TrainingRows, *, is_scaled: bool
) -> list[Output]:
    """Give the outputs of pairs; a cross is the mean target where two levels come together."""
    by_name = {column.name: column for column in inputs}
    outputs: list[Output] = []
    for pair in pairs:
        if pair.operation == "cross":
            outputs += _cross(pair, rows, is_scaled=is_scaled)
            continue
        entry: OutputEntry = {
            "name": pair.name,
            "op": pair.operation,
            "column": pair.left,
            "by": pair.right,
        }
        columns = list(dict.fromkeys([by_name[pair.left], by_name[pair.right]]))
        outputs.append(scaled(entry, columns, rows.frame) if is_scaled else Output(entry))
    return outputs


def _cross(pair: Pair, rows: TrainingRows, *, is_scaled: bool) -> list[Output]:
    left, right = (find_levels(rows.frame[name], most=MOST_LEVELS) for name in (pair.left, pair.right))
    names, codes = _together(left, right)
    both = Levels([""] * len(names), codes)
    ending = "|scaled" if is_scaled else ""
    outputs = []
    for suffix, target in rows.targets:
        means, rest = target_means(both, target), float(target.mean())
        ordered = ordered_means(codes, target, seed=rows.seed)
        if is_scaled:
            center, spread = target.mean(), spread_of(target)
            means, ordered, rest = (means - center) / spread, (ordered - center) / spread, 0.0
        entry: OutputEntry = {
            "name": f"{pair.name}~{suffix}{ending}",
            "op": "cross",
            "column": pair.left,
            "by": pair.right,
            "pairs": names,
            "values": means.tolist(),
            "default": rest,
        }
        outputs.append(Output(entry, ordered))
    return outputs


def _together(left: Levels, right: Levels) -> tuple[list[tuple[str, str]], npt.NDArray[np.int64]]:
    """Give the commonest pairs of levels, and which of them each row has (-1: another)."""
    known = (left.codes >= 0) & (right.codes >= 0)
    keys = left.codes * len(right.names) + right.codes
    found, counts = np.unique(keys[known], return_counts=True)
    kept = np.sort(found[np.argsort(-counts, kind="stable")[:MOST_PAIRS]])
    places = np.searchsorted(kept, keys)
    is_kept = known & (places < len(kept))
    is_kept[is_kept] = kept[places[is_kept]] == keys[is_kept]
    sides = (divmod(key, len(right.names)) for key in kept.tolist())
    names = [(left.names[first], right.names[second]) for first, second in sides]
    return names, np.where(is_kept, places, -1)
