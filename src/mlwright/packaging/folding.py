"""Trees over the features of a pipeline become trees over its columns, with the same answers to the bit.

Idea: a feature is a function g of one column, so a split `g(x) <= t` is a split of the column. Where g keeps
the order, it is `x <= b` with b the largest double of g(b) <= t, found by bisection over the doubles with the
very operations of the library. Where g is a table of levels, it is a set of levels. Missing values go where
g(missing) goes. So nothing is scaled, filled or encoded when a row is served, and no answer changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import CATEGORICAL, DEFAULT_LEFT, MISSING_NAN, TreeArrays, read_trees
from mlwright.packaging.pipeline_features import OPERATIONS, Feature, Indicator, Lookup, Step, Value

MISSING_ZERO = 4
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where a tree reads a feature: a number of its transform, and the levels behind the codes there."""

    number: int
    levels: Sequence[object] = ()
    """None is the level of missing values."""


def fold_trees(data: bytes, features: Sequence[Feature], places: Sequence[Place], width: int) -> bytes:
    """Give the file of the same forest over columns. Raises `ModelUnsupported`."""
    arrays, _, answer = read_trees(data)
    fold = _Fold(arrays, TreeArrays(root=arrays.root, output=arrays.output, leaf=arrays.leaf))
    bounds = _bounds(arrays, features)
    for node, feature in enumerate(arrays.feature):
        fold.add(node, features[feature], places[feature], bounds.get(node, math.nan))
    return fold.made.to_bytes(width, answer)


@dataclass(frozen=True)
class _Fold:
    old: TreeArrays
    made: TreeArrays

    def add(self, node: int, feature: Feature, place: Place, bound: float) -> None:
        left, right = self.old.left[node], self.old.right[node]
        match feature:
            case Value() if self.old.flags[node] & CATEGORICAL:
                if feature.steps:
                    raise ModelUnsupported(
                        "the trees split a scaled number by categories",
                        hint="do not scale codes of categories",
                    )
                at, length = self.old.bits_at[node], self.old.bits_len[node]
                flags = CATEGORICAL | self._missing(node, feature)
                self._put(place.number, flags, 0.0, (left, right), self.old.words[at : at + length])
            case Value():
                if self.old.flags[node] & MISSING_ZERO and (feature.steps or feature.missing is not None):
                    raise ModelUnsupported(
                        "the trees take zeros for missing after a step that moves them",
                        hint="train with zero_as_missing=false",
                    )
                plain = self.old.flags[node] & MISSING_ZERO
                flags = self.old.flags[node] if plain else self._missing(node, feature)
                self._put(place.number, flags, bound, (left, right))
            case Indicator():
                is_left = self.goes_left(node, feature.present)
                flags = MISSING_NAN | (DEFAULT_LEFT if self.goes_left(node, feature.missing) else 0)
                self._put(place.number, flags, math.inf if is_left else -math.inf, (left, right))
            case Lookup():
                self._add_levels(node, feature, place)

    def _add_levels(self, node: int, feature: Lookup, place: Place) -> None:
        """Codes that are not in the set go right, and so do unseen levels: the set is of the other side."""
        children = (self.old.left[node], self.old.right[node])
        values = {**dict(zip(feature.levels, feature.values, strict=True)), None: feature.missing}
        lefts = [self.goes_left(node, values.get(level, feature.unseen)) for level in place.levels]
        is_rest_left = self.goes_left(node, feature.unseen)
        chosen = [code for code, is_left in enumerate(lefts) if is_left != is_rest_left]
        words = [0] * (max(chosen, default=-1) // 32 + 1)
        for code in chosen:
            words[code // 32] |= 1 << code % 32
        self._put(place.number, CATEGORICAL, 0.0, children[::-1] if is_rest_left else children, words)

    def goes_left(self, node: int, value: float) -> bool:
        """Follow a split as the kernels do."""
        flags = self.old.flags[node]
        if flags & CATEGORICAL:
            if math.isnan(value):
                return bool(flags & DEFAULT_LEFT) and bool(flags & MISSING_NAN)
            at, length = self.old.bits_at[node], self.old.bits_len[node]
            code = int(value)
            if code < 0 or code // 32 >= length:
                return False
            return bool(self.old.words[at + code // 32] >> code % 32 & 1)
        if math.isnan(value):
            if flags & MISSING_NAN:
                return bool(flags & DEFAULT_LEFT)
            value = 0.0
        if flags & MISSING_ZERO and abs(value) <= np.float32(1e-35):
            return bool(flags & DEFAULT_LEFT)
        return value <= self.old.threshold[node]

    def _missing(self, node: int, feature: Value) -> int:
        missing = math.nan if feature.missing is None else float(feature.missing)  # type: ignore[arg-type]
        return MISSING_NAN | (DEFAULT_LEFT if self.goes_left(node, missing) else 0)

    def _put(
        self, feature: int, flags: int, threshold: float, children: tuple[int, int], words: Iterable[int] = ()
    ) -> None:
        made, bits = self.made, list(words)
        made.feature.append(feature)
        made.flags.append(flags)
        made.threshold.append(threshold)
        made.left.append(children[0])
        made.right.append(children[1])
        made.bits_at.append(len(made.words))
        made.bits_len.append(len(bits))
        made.words += bits


def _bounds(arrays: TreeArrays, features: Sequence[Feature]) -> Mapping[int, float]:
    """Give the threshold over the column of each split of a number."""
    by_feature: dict[int, list[int]] = {}
    for node, place in enumerate(arrays.feature):
        if isinstance(features[place], Value) and not arrays.flags[node] & CATEGORICAL:
            by_feature.setdefault(place, []).append(node)
    found: dict[int, float] = {}
    for place, nodes in by_feature.items():
        feature = features[place]
        assert isinstance(feature, Value)
        thresholds = np.array([arrays.threshold[node] for node in nodes])
        found.update(zip(nodes, largest_inputs(feature.steps, thresholds).tolist(), strict=True))
    return found


def largest_inputs(steps: Sequence[Step], thresholds: Floats) -> Floats:
    """Give the largest doubles whose value after the steps is at most the thresholds, -inf where none is.

    >>> bound = float(largest_inputs([("subtract", 0.1), ("divide", 0.3)], np.array([1.0]))[0])
    >>> [(x - 0.1) / 0.3 <= 1.0 for x in (bound, float(np.nextafter(bound, 1)))]
    [True, False]
    """
    if not steps:
        return thresholds
    low, high = (np.full(len(thresholds), _order(np.array([end]))[0]) for end in (-np.inf, np.inf))
    while (low < high).any():
        middle = (low | high) - ((low ^ high) >> 1)  # of two integers, rounded up, without their sum
        is_inside = _after(steps, _double(middle)) <= thresholds
        low, high = np.where(is_inside, middle, low), np.where(is_inside, high, middle - 1)
    return _double(low)


def _after(steps: Sequence[Step], values: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for name, by in steps:
            values = OPERATIONS[name](values, by)
    return values


def _order(values: Floats) -> Integers:
    """Number the doubles in their order."""
    bits = values.view(np.int64)
    return np.where(bits < 0, -(bits & np.int64(2**63 - 1)), bits)


def _double(order: Integers) -> Floats:
    bits = np.where(order < 0, (-order).view(np.uint64) | np.uint64(2**63), order.view(np.uint64))
    return bits.view(np.float64)
