"""Which columns of a very wide table are worth reading: those that go along with the label most.

Idea: correlations of a column's values, of their distance from the middle and of being empty, and for texts
the share of the label's variance between levels beyond chance. A model chooses its columns anew in every
fold, so that rows that it is judged by have no say. Reference: Fan and Lv 2008, sure independence screening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column

Floats = npt.NDArray[np.float64]

MOST_ROWS = 5_000
AT_ONCE = 500  # columns in memory as numbers
MOST_VIEWS = 20  # classes, the largest
FARTHEST = 5.0  # standard deviations that a value counts
FEWEST_SHARED = 0.5  # distinct texts a row; more are sentences, of which levels say nothing


def strongest_columns(
    frame: pl.DataFrame, inputs: Sequence[Column], targets: Sequence[Floats], most: int
) -> list[Column]:
    """Give at most so many columns, in their order; moments and sentences always count among them.

    >>> numbers = np.random.default_rng(7).normal(size=(200, 3))
    >>> frame = pl.DataFrame(numbers, schema=["a", "b", "c"])
    >>> columns = [Column(name, "number") for name in frame.columns]
    >>> [column.name for column in strongest_columns(frame, columns, [numbers[:, 1]], 1)]
    ['b']
    """
    if len(inputs) <= most:
        return list(inputs)
    strengths = column_strengths(frame, inputs, np.stack(targets, axis=1))
    kept = np.sort(np.argsort(-strengths, kind="stable")[:most])
    return [inputs[place] for place in kept.tolist()]


def views_of(target: Floats, *, is_multiclass: bool) -> list[Floats]:
    """Give what columns may go along with: marks of the largest classes, or the value and its rank."""
    if is_multiclass:
        classes, counts = np.unique(target, return_counts=True)
        largest = classes[np.argsort(-counts, kind="stable")][:MOST_VIEWS]
        return [(target == value).astype(np.float64) for value in largest]
    return [target, np.argsort(np.argsort(target, kind="stable"), kind="stable").astype(np.float64)]


def column_strengths(frame: pl.DataFrame, inputs: Sequence[Column], views: Floats) -> Floats:
    """Give how far each column goes along with the view that suits it best; infinite: it always counts."""
    views = _standard(views)
    strengths = np.full(len(inputs), np.inf)
    numbers = [place for place, one in enumerate(inputs) if one.type in ("number", "integer", "boolean")]
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        names = [inputs[place].name for place in some]
        values = frame.select(pl.col(names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
        strengths[some] = _of_numbers(values, views)
    for place, column in enumerate(inputs):
        if column.type == "string":
            strengths[place] = _of_levels(frame[column.name], views)
    return strengths


def _of_numbers(values: Floats, views: Floats) -> Floats:
    is_empty = ~np.isfinite(values)
    centred = _standard(np.where(is_empty, 0.0, values - _means(values, is_empty)))
    bound = FARTHEST / np.sqrt(len(values))
    centred = np.clip(centred, -bound, bound)
    made = [centred, _standard(np.abs(centred)), _standard(is_empty.astype(np.float64))]
    return np.asarray(np.max([np.abs(one.T @ views).max(axis=1) for one in made], axis=0))


def _of_levels(values: pl.Series, views: Floats) -> float:
    codes = values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    sizes = np.bincount(codes).astype(np.float64)
    levels, rows = int((sizes > 0).sum()), len(codes)
    if levels > FEWEST_SHARED * rows:
        return np.inf
    told = [float((np.bincount(codes, weights=view) ** 2 / np.maximum(sizes, 1.0)).sum()) for view in views.T]
    by_chance = (levels - 1) / max(rows - 1, 1)
    return float(np.sqrt(max(max(told) - by_chance, 0.0)))


def _standard(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(length > 1e-12, length, 1.0), dtype=np.float64)


def _means(values: Floats, is_empty: npt.NDArray[np.bool_]) -> Floats:
    counts = np.maximum((~is_empty).sum(axis=0), 1)
    return np.asarray(np.where(is_empty, 0.0, values).sum(axis=0) / counts)
