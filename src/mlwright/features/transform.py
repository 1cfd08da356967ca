"""Fit transforms: what a tree model and a linear model should see of raw columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import TooFewRows
from mlwright.features.document import OutputEntry, TimePart, TransformDocument, make_document
from mlwright.features.matrix import apply_transform
from mlwright.features.target_statistic import (
    Floats,
    Levels,
    find_levels,
    ordered_means,
    target_means,
    targets_of,
)
from mlwright.project import Task

MOST_LEVELS = 255  # LightGBM's native categories, exported exactly
MOST_ONEHOT = 12
YEAR_DAYS = 360


@dataclass(frozen=True)
class _Fitting:
    frame: pl.DataFrame
    target: Floats
    is_multiclass: bool


def fit_tree_transform(
    frame: pl.DataFrame, target: npt.NDArray[np.float64], inputs: list[Column], *, task: Task, seed: int
) -> TransformDocument:
    """Fit what trees read: numbers as they are, level indices, and statistics of texts with many levels.

    `target` is 0/1, a class index or the number. Moments become hour, weekday, day, and month where the rows
    cover a year; never a count of days, which would tell a tree when it is. The seed is for
    `training_matrix`, which gives the matrix to train on. Raises `TooFewRows` without rows.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0], "shop": ["a", "b"]})
    >>> columns = [Column("x", "number"), Column("shop", "string")]
    >>> made = fit_tree_transform(frame, np.array([0.0, 1.0]), columns, task="binary", seed=7)
    >>> [output["op"] for output in made["outputs"]]
    ['number', 'level']
    """
    del seed  # all rows, in any order, give the same document
    return _tree_document(_begin(frame, target, task), inputs, is_native=True)


def fit_numeric_transform(
    frame: pl.DataFrame, target: npt.NDArray[np.float64], inputs: list[Column], *, task: Task, seed: int
) -> TransformDocument:
    """Fit what trees without categories read: as `fit_tree_transform`, but few levels become one-hot.

    >>> frame = pl.DataFrame({"shop": ["a", "b"]})
    >>> made = fit_numeric_transform(frame, np.zeros(2), [Column("shop", "string")], task="binary", seed=7)
    >>> [output["name"] for output in made["outputs"]]
    ['shop=a', 'shop=b']
    """
    del seed
    return _tree_document(_begin(frame, target, task), inputs, is_native=False)


def _tree_document(fitting: _Fitting, inputs: list[Column], *, is_native: bool) -> TransformDocument:
    frame = fitting.frame
    outputs: list[OutputEntry] = []
    for column in inputs:
        values = frame[column.name]
        match column.type:
            case "number" | "integer" | "boolean":
                outputs.append({"name": column.name, "op": "number", "column": column.name})
            case "timestamp":
                outputs.extend(_time_output(column.name, part) for part in _parts(values))
            case "string":
                levels = find_levels(values)
                if is_native and len(levels.names) <= MOST_LEVELS:
                    outputs.append(_level_output(column.name, levels))
                elif len(levels.names) <= MOST_ONEHOT:
                    outputs.extend(_onehot_output(column.name, level) for level in levels.names)
                else:
                    outputs.extend(_statistics(column.name, levels, fitting, is_scaled=False))
    return make_document(inputs, outputs)


def fit_linear_transform(
    frame: pl.DataFrame, target: npt.NDArray[np.float64], inputs: list[Column], *, task: Task, seed: int
) -> TransformDocument:
    """Fit what a linear model reads: scaled numbers with a mark of nulls, one-hot levels or statistics.

    Every output is a finite number. Raises `TooFewRows` without rows.
    """
    del seed
    fitting = _begin(frame, target, task)
    outputs: list[OutputEntry] = []
    for column in inputs:
        values = frame[column.name]
        match column.type:
            case "number" | "integer" | "boolean":
                outputs.extend(_scaled_outputs(column.name, values))
            case "timestamp":
                outputs.extend(_scaled_time(column, part, frame) for part in _parts(values))
            case "string":
                levels = find_levels(values)
                if len(levels.names) <= MOST_ONEHOT:
                    outputs.extend(_onehot_output(column.name, level) for level in levels.names)
                else:
                    outputs.extend(_statistics(column.name, levels, fitting, is_scaled=True))
    return make_document(inputs, outputs)


def training_matrix(
    document: TransformDocument,
    frame: pl.DataFrame,
    inputs: list[Column],
    target: npt.NDArray[np.float64],
    *,
    task: Task,
    seed: int,
) -> npt.NDArray[np.float64]:
    """Compute the outputs for the rows that a model is fitted on.

    Like `apply_transform`, but target means are ordered ones, which do not contain the row's own target.
    `frame` and `target` must be those the document was fitted on.
    """
    matrix = apply_transform(document, frame, inputs)
    columns = dict(targets_of(target, is_multiclass=task == "multiclass"))
    codes: dict[str, npt.NDArray[np.int64]] = {}
    for place, output in enumerate(document["outputs"]):
        suffix = output["name"].rpartition("~")[2].partition("|")[0]
        if output["op"] != "target" or suffix not in columns:
            continue
        name = output["column"]
        if name not in codes:
            codes[name] = find_levels(frame[name]).codes
        means = ordered_means(codes[name], columns[suffix], seed=seed)
        if output["name"].endswith("|scaled"):
            means = (means - columns[suffix].mean()) / _spread(columns[suffix])
        matrix[:, place] = means
    return matrix


def _begin(frame: pl.DataFrame, target: Floats, task: Task) -> _Fitting:
    if not frame.height:
        raise TooFewRows(
            "there are no rows to fit a transform on", hint="look at `source` and `split` in [data]"
        )
    if len(target) != frame.height:
        raise ValueError(f"{len(target)} targets for {frame.height} rows")
    return _Fitting(frame, np.asarray(target, dtype=np.float64), task == "multiclass")


def _parts(moments: pl.Series) -> list[TimePart]:
    """Choose the parts of a moment that come again: those that varied in the rows at hand."""
    known = moments.drop_nulls()
    if not len(known):
        return []
    parts: list[TimePart] = ["hour"] if known.dt.hour().n_unique() > 1 else []
    parts += ["weekday", "day"]
    first, last = known.dt.epoch("s").min(), known.dt.epoch("s").max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    return [*parts, "month"] if last - first >= YEAR_DAYS * 86_400 else parts


def _time_output(name: str, part: TimePart) -> OutputEntry:
    return {"name": f"{name}|{part}", "op": "time", "column": name, "part": part}


def _scaled_time(column: Column, part: TimePart, frame: pl.DataFrame) -> OutputEntry:
    plain = make_document([column], [_time_output(column.name, part)])
    found = _scaling(apply_transform(plain, frame, [column])[:, 0])
    fill, mean, scale = found
    return {
        **_time_output(column.name, part),
        "name": f"{column.name}|{part}|scaled",
        "fill": fill,
        "mean": mean,
        "scale": scale,
    }


def _scaled_outputs(name: str, values: pl.Series) -> list[OutputEntry]:
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    fill, mean, scale = _scaling(numbers)
    outputs: list[OutputEntry] = [
        {
            "name": f"{name}|scaled",
            "op": "scale",
            "column": name,
            "fill": fill,
            "mean": mean,
            "scale": scale,
        }
    ]
    if values.null_count():
        outputs.append({"name": f"{name}|null", "op": "isnull", "column": name})
    return outputs


def _scaling(numbers: Floats) -> tuple[float, float, float]:
    """Give the median for nulls, and mean and spread after filling."""
    finite = np.isfinite(numbers)
    if not finite.any():
        return 0.0, 0.0, 1.0
    fill = float(np.median(numbers[finite]))
    filled = np.where(finite, numbers, fill)
    return fill, float(filled.mean()), _spread(filled)


def _spread(values: Floats) -> float:
    spread = float(values.std())
    return spread if np.isfinite(spread) and spread > 1e-12 * max(1.0, float(np.abs(values).max())) else 1.0


def _level_output(name: str, levels: Levels) -> OutputEntry:
    return {"name": name, "op": "level", "column": name, "levels": levels.names}


def _onehot_output(name: str, level: str) -> OutputEntry:
    return {"name": f"{name}={level}", "op": "onehot", "column": name, "level": level}


def _statistics(name: str, levels: Levels, fitting: _Fitting, *, is_scaled: bool) -> list[OutputEntry]:
    """Give mean target and log count of each level as look-up tables."""
    outputs: list[OutputEntry] = []
    for suffix, target in targets_of(fitting.target, is_multiclass=fitting.is_multiclass):
        means, rest = target_means(levels, target), float(target.mean())
        if is_scaled:
            means, rest = (means - target.mean()) / _spread(target), 0.0
        outputs.append(_table(f"{name}~{suffix}", name, levels, means, rest))
    counts, rest = np.log1p(levels.counts), 0.0
    if is_scaled:
        per_row = np.where(levels.codes >= 0, counts[levels.codes], 0.0)
        rest = float(-per_row.mean() / _spread(per_row))
        counts = (counts - per_row.mean()) / _spread(per_row)
    outputs.append(_table(f"{name}~count", name, levels, counts, rest))
    if is_scaled:
        for output in outputs:
            output["name"] += "|scaled"
    return outputs


def _table(name: str, column: str, levels: Levels, values: Floats, rest: float) -> OutputEntry:
    return {
        "name": name,
        "op": "target",
        "column": column,
        "levels": levels.names,
        "values": values.tolist(),
        "default": rest,
    }
