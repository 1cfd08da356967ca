"""A small booster with fixed settings, asked of rows that it has not seen: what columns can tell at all."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

ROUNDS = 80
MOST_ROWS = 12_000
MOST_LEVELS = 255


def sample_rows(count: int, most: int, seed: int) -> Rows:
    """Give at most so many rows, in order, the same for the same seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def plain_matrix(frame: pl.DataFrame, inputs: Sequence[Column]) -> Floats:
    """Give columns as numbers: texts as codes of their levels, by how often they happen."""
    made = [_numbers(frame[column.name]) for column in inputs]
    return np.column_stack(made) if made else np.zeros((frame.height, 0))


def _numbers(values: pl.Series) -> Floats:
    if values.dtype.is_float() or values.dtype.is_integer():  # without a query, which costs a millisecond
        return np.asarray(values.to_numpy(), dtype=np.float64)
    if values.dtype != pl.String:
        return values.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    counts = values.value_counts(sort=True).with_row_index("code")
    known = counts.head(MOST_LEVELS)
    codes = values.replace_strict(
        known[values.name], known["code"], default=MOST_LEVELS, return_dtype=pl.Float64
    )
    return codes.set(values.is_null(), None).fill_null(float("nan")).to_numpy()


def unseen_scores(matrix: Floats, target: Floats, *, is_class: bool, seed: int, folds: int = 2) -> Floats:
    """Give each row the answer of a booster that was fitted on the other folds."""
    part = np.random.default_rng(seed).permutation(len(target)) % folds
    scores = np.empty(len(target))
    for fold in range(folds):
        asked = part == fold
        fitted = _fit(matrix[~asked], target[~asked], is_class=is_class, seed=seed)
        scores[asked] = fitted.predict(matrix[asked])
    return scores


def _fit(matrix: Floats, target: Floats, *, is_class: bool, seed: int) -> lgb.Booster:
    settings = {
        "objective": "binary" if is_class else "regression",
        "num_leaves": 15,
        "learning_rate": 0.1,
        "min_data_in_leaf": 20,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    return lgb.train(settings, lgb.Dataset(matrix, target, free_raw_data=True), ROUNDS)
