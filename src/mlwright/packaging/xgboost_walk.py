"""XGBoost's answers by following its own trees in float32: the other side of the check of an import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mlwright.packaging.forest import Floats
from mlwright.packaging.library import Library, hold_to_library
from mlwright.packaging.xgboost_file import SourceTree, XgboostFile
from mlwright.packaging.xgboost_trees import margins_of, objective_of

LARGEST_CATEGORY = 2.0**24
MOST_NUMBER = 3e38


def xgboost_answers(model: XgboostFile, matrix: Floats) -> Floats:
    """Give the predictions `[rows]`, or `[rows, classes]` for several classes.

    Every comparison is made on float32, as XGBoost does; leaves are added in float64, where XGBoost adds
    float32 numbers.
    """
    sums = np.tile(np.array(margins_of(model)), (len(matrix), 1))
    for tree, leaves in zip(model.trees, xgboost_leaves(model, matrix), strict=True):
        sums[:, tree.output] += tree.condition[leaves].astype(np.float64) * tree.weight
    return _apply(objective_of(model).link, sums)


def hold_to_xgboost(model: XgboostFile, matrix: Floats, library: Library, data: bytes) -> None:
    """Compare the leaves of rows with those that XGBoost names. Raises `ParityFailed`."""
    rows = matrix.clip(-MOST_NUMBER, MOST_NUMBER)  # it refuses what is infinite in float32
    for place, texts in model.levels.items():
        rows[rows[:, place] == len(texts), place] = np.nan
    used = replace(library, answers=lambda file, asked: library.answers(file, asked)[:, : len(model.trees)])
    hold_to_library(np.column_stack(list(xgboost_leaves(model, rows))), used, data, rows)


def xgboost_leaves(model: XgboostFile, matrix: Floats) -> Iterator[npt.NDArray[np.int64]]:
    """Give for each tree the numbers of the leaves that the rows reach."""
    with np.errstate(over="ignore", under="ignore"):
        rows = matrix.astype(np.float32)
    for place, texts in model.levels.items():
        rows[rows[:, place] == len(texts), place] = np.nan
    for tree in model.trees:
        yield _leaves(tree, rows)


def _apply(link: str, sums: Floats) -> Floats:
    if link == "softmax":
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    values = sums[:, 0]
    if link == "sigmoid":
        with np.errstate(over="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(-values)))
    if link == "step":
        return np.asarray(values > 0, dtype=np.float64)
    return np.asarray(np.exp(values)) if link == "exp" else values


def _leaves(tree: SourceTree, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Give the leaf of every row: all rows take one step at a time until all are in leaves."""
    at = np.zeros(len(rows), dtype=np.int64)
    for _ in range(len(tree.left)):
        moving = np.flatnonzero(tree.left[at] != -1)
        if not len(moving):
            break
        node = at[moving]
        values = rows[moving, tree.feature[node]]
        goes_left = values < tree.condition[node]
        for split, chosen in tree.categories.items():
            here = node == split
            if here.any():
                goes_left[here] = _is_left(values[here], chosen)
        missing = np.isnan(values)
        goes_left[missing] = tree.is_default_left[node[missing]]
        at[moving] = np.where(goes_left, tree.left[node], tree.right[node])
    return at


def _is_left(values: npt.NDArray[np.float32], chosen: frozenset[int]) -> npt.NDArray[np.bool_]:
    """Tell which categories are not chosen: negative and huge ones never are."""
    with np.errstate(invalid="ignore"):
        is_category = (values >= 0) & (values < LARGEST_CATEGORY)
        codes = np.where(is_category, values, -1).astype(np.int64)
    return ~np.isin(codes, list(chosen))
