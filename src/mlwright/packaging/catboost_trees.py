"""CatBoost models to `model.trees`.

The rules are CatBoost's: a row is rounded to float32; numbers above a border, and the one category that a
test names, are on the second side; missing numbers are above all borders or below all, as training was told.
An oblivious tree becomes a binary one in which tests with a known answer are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.packaging.catboost_file import (
    POOL_HINT,
    Branch,
    CatboostFile,
    CategoryTest,
    NumberTest,
    ObliviousTree,
    SourceTree,
    Test,
)
from mlwright.packaging.forest import Answer, Link, Split, TreeArrays
from mlwright.packaging.kernel_model import KernelModel, Task
from mlwright.packaging.rounding import float32_bounds

RAW: tuple[Task, Link] = ("regression", "identity")
LOSSES: Mapping[str, tuple[Task, Link]] = {
    "Logloss": ("binary", "sigmoid"),
    "CrossEntropy": ("binary", "sigmoid"),
    "MultiClass": ("multiclass", "softmax"),
    "MultiClassOneVsAll": ("multiclass", "sigmoid"),
    "Poisson": ("regression", "exp"),
    "Tweedie": ("regression", "exp"),
    **dict.fromkeys(
        ("RMSE", "MAE", "Quantile", "LogLinQuantile", "MAPE", "Huber", "Expectile", "Lq", "YetiRank"), RAW
    ),
}


def trees_from_catboost(model: CatboostFile) -> KernelModel:
    """Convert a model.

    Columns of categories take texts; those that no split asks for are all alike. Raises `ModelUnsupported`
    for a loss that is not known here and for categories whose texts are not in the file.
    """
    task, link = meaning_of(model)
    levels = levels_of(model)
    arrays = TreeArrays()
    for tree in model.trees:
        nodes, leaves = _Nodes(levels, model.texts).of(tree)
        for output in range(len(model.bias)):
            arrays.add_tree(
                [node if isinstance(node, Split) else model.scale * leaves[node][output] for node in nodes],
                output,
            )
    names = tuple(name or f"f{place}" for place, name in enumerate(model.names))
    return KernelModel(
        data=arrays.to_bytes(len(names), Answer(link, model.bias)),
        columns=tuple(
            Column(name, "string" if place in levels else "number") for place, name in enumerate(names)
        ),
        outputs=len(model.bias),
        task=task,
        is_named=any(model.names) or bool(levels),
        levels=levels,
        categorical=frozenset(levels),
        classes=model.classes or None,
    )


def meaning_of(model: CatboostFile) -> tuple[Task, Link]:
    """Give task and link. Raises `ModelUnsupported`."""
    known = LOSSES.get(model.loss)
    if known is None or (known[0] == "multiclass") != (len(model.bias) > 1):
        raise ModelUnsupported(
            f"the loss {model.loss!r} with {len(model.bias)} outputs cannot be reproduced exactly",
            hint=f"train with one of: {', '.join(sorted(LOSSES))}",
        )
    return known


def levels_of(model: CatboostFile) -> dict[int, tuple[str, ...]]:
    """Give the texts that splits ask for, by feature of categories."""
    found: dict[int, dict[str, None]] = {place: {} for place in model.categorical}
    for tree in model.trees:
        for test in all_tests(tree):
            if isinstance(test, CategoryTest):
                found[test.feature][_text(model.texts, test.code)] = None
    return {place: tuple(sorted(texts)) for place, texts in found.items()}


def all_tests(tree: SourceTree) -> list[Test]:
    """Give the tests of a tree, one after the other."""
    if isinstance(tree, ObliviousTree):
        return list(tree.tests)
    if isinstance(tree, Branch):
        return [tree.test, *all_tests(tree.sides[0]), *all_tests(tree.sides[1])]
    return []


def _text(texts: Mapping[int, str], code: int) -> str:
    if code not in texts:
        raise ModelUnsupported(f"the file has no text for the category with the hash {code}", hint=POOL_HINT)
    return texts[code]


@lru_cache(maxsize=100_000)
def _bound(border: float) -> float:
    return float(float32_bounds([border], is_strict=False)[0])


@dataclass(frozen=True)
class _Known:
    """What the tests on the way say of a row: borders it is above and not above, the category it is."""

    above: Mapping[int, float] = field(default_factory=dict)
    below: Mapping[int, float] = field(default_factory=dict)
    category: Mapping[int, int] = field(default_factory=dict)

    def answer(self, test: Test) -> bool | None:
        if isinstance(test, CategoryTest):
            known = self.category.get(test.feature)
            return None if known is None else known == test.code
        if test.border <= self.above.get(test.feature, -np.inf):
            return True
        return False if test.border >= self.below.get(test.feature, np.inf) else None

    def add(self, test: Test, *, is_true: bool) -> _Known:
        if isinstance(test, CategoryTest):
            return replace(self, category={**self.category, test.feature: test.code}) if is_true else self
        side = {**(self.above if is_true else self.below), test.feature: test.border}
        return replace(self, above=side) if is_true else replace(self, below=side)


@dataclass
class _Nodes:
    """Nodes of one tree; those that are no split are places in the list of leaves."""

    levels: Mapping[int, Sequence[str]]
    texts: Mapping[int, str]
    nodes: list[Split | int] = field(default_factory=list)
    leaves: list[tuple[float, ...]] = field(default_factory=list)

    def of(self, tree: SourceTree) -> tuple[list[Split | int], list[tuple[float, ...]]]:
        if isinstance(tree, ObliviousTree):
            self.leaves = list(tree.leaves)
            self._level(tree, 0, 0, _Known())
        else:
            self._branch(tree)
        return self.nodes, self.leaves

    def _level(self, tree: ObliviousTree, level: int, leaf: int, known: _Known) -> int:
        while level < len(tree.tests) and (answer := known.answer(tree.tests[level])) is not None:
            leaf |= int(answer) << level
            level += 1
        place = len(self.nodes)
        self.nodes.append(leaf)
        if level < len(tree.tests):
            test = tree.tests[level]
            first = self._level(tree, level + 1, leaf, known.add(test, is_true=False))
            second = self._level(tree, level + 1, leaf | 1 << level, known.add(test, is_true=True))
            self.nodes[place] = self._split(test, first, second)
        return place

    def _branch(self, tree: Branch | tuple[float, ...]) -> int:
        place = len(self.nodes)
        self.nodes.append(len(self.leaves))
        if isinstance(tree, Branch):
            first, second = self._branch(tree.sides[0]), self._branch(tree.sides[1])
            self.nodes[place] = self._split(tree.test, first, second)
        else:
            self.leaves.append(tree)
        return place

    def _split(self, test: Test, first: int, second: int) -> Split:
        if isinstance(test, NumberTest):
            bound = _bound(test.border)
            return Split(test.feature, first, second, bound, is_default_left=not test.is_missing_high)
        chosen = self.levels[test.feature].index(self.texts[test.code])
        return Split(test.feature, second, first, categories=frozenset([chosen]))
