"""CatBoost's answers by asking its own tests in float32: the other side of the check of an import."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.packaging.catboost_file import Branch, CatboostFile, NumberTest, ObliviousTree, SourceTree, Test
from mlwright.packaging.catboost_trees import levels_of, meaning_of
from mlwright.packaging.forest import Floats
from mlwright.packaging.kernel_check import NEVER_SEEN
from mlwright.packaging.library import Library, hold_to_library


def catboost_answers(model: CatboostFile, matrix: Floats) -> Floats:
    """Give the predictions `[rows]`, or `[rows, classes]` for several classes."""
    sums = catboost_sums(model, matrix)
    _, link = meaning_of(model)
    if link == "softmax":
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    with np.errstate(over="ignore"):
        if link == "sigmoid":
            sums = 1.0 / (1.0 + np.exp(-sums))
        elif link == "exp":
            sums = np.exp(sums)
    return sums if len(model.bias) > 1 else sums[:, 0]


def catboost_sums(model: CatboostFile, matrix: Floats) -> Floats:
    """Give the sums of the leaves, scale and bias included: `[rows, outputs]`.

    A column of categories holds places in `levels_of(model)`.
    """
    asked = _Asked(model, matrix)
    total = np.zeros((len(matrix), len(model.bias)))
    for tree in model.trees:
        total += asked.values(tree)
    return np.asarray(model.scale * total + np.array(model.bias))


def hold_to_catboost(model: CatboostFile, matrix: Floats, library: Library, data: bytes) -> None:
    """Compare the sums of rows with those that CatBoost gives. Raises `ParityFailed`."""
    rows: npt.NDArray[Any] = matrix
    if model.categorical:
        rows = matrix.astype(object)
        for place, texts in levels_of(model).items():
            known = (*texts, NEVER_SEEN)
            rows[:, place] = [known[int(code)] for code in np.nan_to_num(matrix[:, place], nan=-1)]
    hold_to_library(catboost_sums(model, matrix), library, data, rows)


class _Asked:
    """Rows and what the tests say of them."""

    def __init__(self, model: CatboostFile, matrix: Floats) -> None:
        with np.errstate(over="ignore", under="ignore"):
            self._rows = matrix.astype(np.float32)
        hashes = {text: code for code, text in model.texts.items()}
        self._codes = {
            place: _codes(matrix[:, place], [hashes[text] for text in texts])
            for place, texts in levels_of(model).items()
        }

    def values(self, tree: SourceTree) -> Floats:
        rows = np.arange(len(self._rows))
        if isinstance(tree, ObliviousTree):
            leaf = np.zeros(len(rows), dtype=np.int64)
            for place, test in enumerate(tree.tests):
                leaf |= self._is_true(test, rows).astype(np.int64) << place
            return np.array(tree.leaves)[leaf]
        found = np.zeros((len(rows), 0))
        open_nodes = [(tree, rows)]
        while open_nodes:
            node, here = open_nodes.pop()
            if isinstance(node, Branch):
                is_true = self._is_true(node.test, here)
                open_nodes += [(node.sides[0], here[~is_true]), (node.sides[1], here[is_true])]
            else:
                found = found if found.shape[1] else np.zeros((len(rows), len(node)))
                found[here] = node
        return found

    def _is_true(self, test: Test, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if not isinstance(test, NumberTest):
            return np.asarray(self._codes[test.feature][rows] == test.code)
        values = self._rows[rows, test.feature]
        return np.asarray((values > np.float32(test.border)) | (np.isnan(values) & test.is_missing_high))


def _codes(places: Floats, hashes: list[int]) -> npt.NDArray[np.int64]:
    """Give the hashes of the texts at these places, -1 for texts that no split asks for."""
    known = np.array([*hashes, -1], dtype=np.int64)
    is_listed = np.isin(places, np.arange(len(hashes)))
    return known[np.where(is_listed, places, len(hashes)).astype(np.int64)]
