"""Fit transforms as documents (docs/reference/formats.md): one for trees, one for linear models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.features.columns import apply_transform

Floats: TypeAlias = npt.NDArray[np.float64]
Task: TypeAlias = Literal["binary", "multiclass", "regression"]
Output: TypeAlias = dict[str, object]

MOST_LEVELS = 255
MOST_ONE_HOT = 12
SMOOTHING = 10.0  # pseudo-rows of the overall mean (notes/training, encoding)
FOLDS = 5
PARTS_OF_TIME = ("hour", "weekday")
PARTS_OF_DATES = ("hour", "weekday", "day", "month", "epoch_days")


@dataclass(frozen=True)
class FittedTransform:
    """A transform document and the columns it reads."""

    document: dict[str, object]
    inputs: tuple[Column, ...]

    @property
    def outputs(self) -> list[Output]:
        """Give the outputs of the document."""
        outputs = self.document["outputs"]
        assert isinstance(outputs, list)
        return outputs

    @property
    def categorical(self) -> list[int]:
        """Give the places of outputs that are indices of levels."""
        return [place for place, output in enumerate(self.outputs) if output["op"] == "level"]

    def apply(self, frame: pl.DataFrame) -> Floats:
        """Give model inputs `[rows, outputs]`."""
        return apply_transform(self.document, frame, self.inputs)

    def apply_to_training(self, frame: pl.DataFrame, target: Floats, seed: int) -> Floats:
        """Give model inputs of the rows that the transform was fitted on.

        Target statistics of a row leave out the row's own fold, as they will for rows never seen.
        """
        matrix = self.apply(frame)
        for place, output in enumerate(self.outputs):
            if output["op"] == "target":
                matrix[:, place] = _out_of_fold(frame[str(output["column"])], target, seed)
        return matrix


def fit_tree_transform(
    frame: pl.DataFrame, target: Floats, inputs: Sequence[Column], *, task: Task, time: str | None
) -> FittedTransform:
    """Fit for trees: numbers as they are, level indices, target statistics for many levels, parts of dates."""
    outputs: list[Output] = []
    for column in inputs:
        outputs += _for_trees(frame[column.name], target, column, task=task, is_time=column.name == time)
    return _fitted(inputs, outputs)


def fit_linear_transform(
    frame: pl.DataFrame, target: Floats, inputs: Sequence[Column], *, task: Task
) -> FittedTransform:
    """Fit for linear models: imputed and scaled numbers, null indicators, one-hot levels, target statistics."""
    outputs: list[Output] = []
    for column in inputs:
        outputs += _for_linear(frame[column.name], target, column, task=task)
    return _fitted(inputs, outputs)


def _fitted(inputs: Sequence[Column], outputs: list[Output]) -> FittedTransform:
    document: dict[str, object] = {
        "format": 1,
        "inputs": [{"name": column.name, "type": column.type} for column in inputs],
        "outputs": outputs,
    }
    return FittedTransform(document, tuple(inputs))


def _for_trees(
    values: pl.Series, target: Floats, column: Column, *, task: Task, is_time: bool
) -> Iterator[Output]:
    name = column.name
    if column.type == "timestamp":
        for part in PARTS_OF_TIME if is_time else PARTS_OF_DATES:
            yield {"name": f"{name}|{part}", "op": "time", "column": name, "part": part}
    elif column.type != "string":
        yield {"name": name, "op": "number", "column": name}
    elif values.n_unique() <= MOST_LEVELS or task == "multiclass":
        yield {"name": name, "op": "level", "column": name, "levels": _common_levels(values)}
    else:
        yield _target_statistic(values, target, name)


def _for_linear(values: pl.Series, target: Floats, column: Column, *, task: Task) -> Iterator[Output]:
    name = column.name
    if column.type == "timestamp":
        return
    if column.type == "string":
        levels = _common_levels(values)
        if len(levels) <= MOST_ONE_HOT or task == "multiclass":
            for level in levels[:MOST_LEVELS]:
                yield {"name": f"{name}={level}", "op": "onehot", "column": name, "level": level}
        else:
            yield _target_statistic(values, target, name)
        return
    numbers = values.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return
    fill = float(np.median(numbers))
    scale = float(numbers.std()) or 1.0
    yield {
        "name": f"{name}|scaled",
        "op": "scale",
        "column": name,
        "fill": fill,
        "mean": float(numbers.mean()),
        "scale": scale,
    }
    if len(numbers) < len(values):
        yield {"name": f"{name}|null", "op": "isnull", "column": name}


def _common_levels(values: pl.Series) -> list[str]:
    """Give the most frequent levels in the order of their texts; the empty text stands for null."""
    counts = values.fill_null("").value_counts().sort(["count", values.name], descending=[True, False])
    return sorted(counts.head(MOST_LEVELS)[values.name].to_list())


def _target_statistic(values: pl.Series, target: Floats, name: str) -> Output:
    texts, means, overall = _means(values.fill_null(""), target)
    return {
        "name": f"{name}~mean",
        "op": "target",
        "column": name,
        "levels": texts,
        "values": means,
        "default": overall,
    }


def _means(texts: pl.Series, target: Floats) -> tuple[list[str], list[float], float]:
    overall = float(target.mean())
    grouped = (
        pl.DataFrame({"level": texts, "target": target})
        .group_by("level")
        .agg(pl.col("target").sum().alias("sum"), pl.len().alias("rows"))
        .sort("level")
    )
    means = (grouped["sum"] + SMOOTHING * overall) / (grouped["rows"] + SMOOTHING)
    return grouped["level"].to_list(), means.to_list(), overall


def _out_of_fold(values: pl.Series, target: Floats, seed: int) -> Floats:
    texts = values.fill_null("")
    folds = np.random.default_rng(seed).integers(0, FOLDS, len(texts))
    found = np.empty(len(texts))
    for fold in range(FOLDS):
        inside = folds == fold
        levels, means, overall = _means(texts.filter(pl.Series(~inside)), target[~inside])
        known = dict(zip(levels, means, strict=True))
        found[inside] = [known.get(text, overall) for text in texts.filter(pl.Series(inside))]
    return found
