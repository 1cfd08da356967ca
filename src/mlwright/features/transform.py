"""Fit transforms: what a tree model and a linear model should see of raw columns."""

from __future__ import annotations

from mlwright.data import Column
from mlwright.features.categories import (
    MOST_LEVELS,
    MOST_ONEHOT,
    level_output,
    onehot_outputs,
    statistics,
)
from mlwright.features.dates import age_entries, part_entries
from mlwright.features.fitted import FittedTransform, Output, TrainingRows, put_together
from mlwright.features.numeric import NullMarks, number_output, scaled, scaled_number
from mlwright.features.pairs import pair_outputs
from mlwright.features.sentences import TOLD_TERMS, Memory, learn_all
from mlwright.features.target_statistic import find_levels


def fit_tree_transform(
    rows: TrainingRows, inputs: list[Column], memory: Memory | None = None
) -> FittedTransform:
    """Fit what trees read: numbers, level indices, and statistics of texts with many levels.

    Moments become minute, hour, weekday and day, month and quarter where the rows cover a year, and the days
    between two of them; never a count of days, which would tell a tree when it is. Sentences become a score
    and the terms that tell most; what is learned of them is kept in `memory` for transforms of equal rows.

    >>> import numpy as np
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, 2.0], "shop": ["a", "b"]})
    >>> columns = [Column("x", "number"), Column("shop", "string")]
    >>> made = fit_tree_transform(TrainingRows(frame, np.array([0.0, 1.0]), "binary", seed=7), columns)
    >>> [output["op"] for output in made.document["outputs"]]
    ['number', 'level']
    """
    return _fit_trees(rows, inputs, memory, is_native=True)


def fit_numeric_transform(
    rows: TrainingRows, inputs: list[Column], memory: Memory | None = None
) -> FittedTransform:
    """Fit what trees without categories read: as `fit_tree_transform`, but few levels become one-hot.

    >>> import numpy as np
    >>> import polars as pl
    >>> frame = pl.DataFrame({"shop": ["a", "b"]})
    >>> rows = TrainingRows(frame, np.zeros(2), "binary", seed=7)
    >>> made = fit_numeric_transform(rows, [Column("shop", "string")])
    >>> [output["name"] for output in made.document["outputs"]]
    ['shop=a', 'shop=b']
    """
    return _fit_trees(rows, inputs, memory, is_native=False)


def _fit_trees(
    rows: TrainingRows, inputs: list[Column], memory: Memory | None, *, is_native: bool
) -> FittedTransform:
    marks, sentences = NullMarks(rows), learn_all(inputs, rows, memory)
    outputs: list[Output] = []
    for column in inputs:
        match column.type:
            case "number" | "integer" | "boolean":
                outputs += [number_output(column.name, rows), *marks.of(column)]
            case "timestamp":
                outputs += [Output(entry) for entry in part_entries(column.name, rows)]
                outputs += marks.of(column)
            case "string" if column.name in sentences:
                outputs += sentences[column.name].score_outputs(is_scaled=False)
                outputs += sentences[column.name].term_outputs(TOLD_TERMS // len(sentences))
            case "string":
                levels = find_levels(rows.frame[column.name])
                if is_native and len(levels.names) <= MOST_LEVELS:
                    outputs.append(level_output(column.name, levels))
                elif len(levels.names) <= MOST_ONEHOT:
                    outputs += onehot_outputs(column.name, levels)
                else:
                    outputs += statistics(column.name, levels, rows, is_scaled=False)
    outputs += [Output(entry) for entry, _ in age_entries(inputs, rows)]
    outputs += pair_outputs(rows.pairs, inputs, rows, is_scaled=False)
    return put_together(inputs, outputs, [text.entry for text in sentences.values()], rounding=rows.rounding)


def fit_linear_transform(
    rows: TrainingRows, inputs: list[Column], memory: Memory | None = None
) -> FittedTransform:
    """Fit what a linear model reads: scaled numbers with marks of nulls, one-hot levels or statistics.

    Every output is a finite number.
    """
    marks, sentences = NullMarks(rows), learn_all(inputs, rows, memory)
    outputs: list[Output] = []
    for column in inputs:
        values = rows.frame[column.name]
        match column.type:
            case "number" | "integer" | "boolean":
                outputs += [scaled_number(column.name, values), *marks.of(column)]
            case "timestamp":
                parts = part_entries(column.name, rows)
                outputs += [scaled(entry, [column], rows.frame) for entry in parts]
                outputs += marks.of(column)
            case "string" if column.name in sentences:
                outputs += sentences[column.name].score_outputs(is_scaled=True)
            case "string":
                levels = find_levels(values)
                if len(levels.names) <= MOST_ONEHOT:
                    outputs += onehot_outputs(column.name, levels)
                else:
                    outputs += statistics(column.name, levels, rows, is_scaled=True)
    outputs += [scaled(entry, columns, rows.frame) for entry, columns in age_entries(inputs, rows)]
    outputs += pair_outputs(rows.pairs, inputs, rows, is_scaled=True)
    return put_together(inputs, outputs, [text.entry for text in sentences.values()], rounding=rows.rounding)
