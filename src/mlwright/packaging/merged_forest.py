"""Several forests as one `model.trees`: leaves are scaled, so that one pass gives the weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlwright.packaging.forest import CATEGORICAL, Answer, Link, TreeArrays, read_trees
from mlwright.packaging.rounding import float32_below


@dataclass(frozen=True)
class ForestPart:
    """The bytes of a forest, its weight in the sum, and where each of its features is in the merged rows."""

    data: bytes
    weight: float
    features: Sequence[int]
    is_rounded: bool = False
    """Whether its rows hold float32 values; then its thresholds are rounded down to such."""


def merge_forests(
    parts: Sequence[ForestPart], features: int, *, slope: float, shift: float, link: Link
) -> bytes:
    """Give the forest whose sum is `slope` times the weighted sums, plus `shift` on its first output.

    All parts have the outputs and the slope of the first; `link` is that of the sum.
    """
    merged = TreeArrays()
    base = np.zeros(0)
    answer = None
    for part in parts:
        arrays, _, answer = read_trees(part.data)
        factor = part.weight * slope
        base = (base if len(base) else np.zeros(len(answer.base))) + factor * np.array(answer.base)
        if part.is_rounded:
            arrays.threshold = float32_below(arrays.threshold, is_strict=False).tolist()
        _append(merged, arrays, part.features, factor)
    if answer is None:
        raise ValueError("there is no forest to merge")
    base[0] += shift
    return merged.to_bytes(features, Answer(link, tuple(base.tolist()), answer.slope))


def _append(merged: TreeArrays, arrays: TreeArrays, features: Sequence[int], factor: float) -> None:
    nodes, leaves, words = len(merged.feature), len(merged.leaf), len(merged.words)

    def moved(places: list[int]) -> list[int]:
        return [place + nodes if place >= 0 else place - leaves for place in places]

    merged.root += moved(arrays.root)
    merged.left += moved(arrays.left)
    merged.right += moved(arrays.right)
    merged.output += arrays.output
    merged.feature += [features[place] for place in arrays.feature]
    merged.flags += arrays.flags
    merged.threshold += arrays.threshold
    merged.bits_at += [
        at + words if flag & CATEGORICAL else at
        for at, flag in zip(arrays.bits_at, arrays.flags, strict=True)
    ]
    merged.bits_len += arrays.bits_len
    merged.leaf += [factor * value for value in arrays.leaf]
    merged.words += arrays.words
