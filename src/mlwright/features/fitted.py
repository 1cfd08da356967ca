"""What fitting a transform reads and gives: training rows, outputs, and the fitted transform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import TooFewRows
from mlwright.features.document import (
    OutputEntry,
    Rounding,
    TextEntry,
    TransformDocument,
    make_document,
)
from mlwright.features.matrix import apply_transform
from mlwright.features.pair import Pair
from mlwright.features.rounding import Shift, find_shift, to_float32
from mlwright.features.target_statistic import Floats, targets_of
from mlwright.project import Task

FEWEST_IN_GROUP = 20  # rows; means of fewer say little
SURELY = 3.5  # standard deviations of a normal variable


@dataclass(frozen=True)
class TrainingRows:
    """The rows that a transform is fitted on; `target` is 0/1, a class index or the number."""

    frame: pl.DataFrame
    target: Floats
    task: Task
    seed: int
    time: str | None = None
    """The column that says when a row happened; no output may tell that to a tree."""
    pairs: tuple[Pair, ...] = ()
    """Columns to look at together."""
    rounding: Rounding | None = "float32"
    """What the outputs are rounded to; None: they stay float64."""

    def __post_init__(self) -> None:
        if not self.frame.height:
            raise TooFewRows(
                "there are no rows to fit a transform on", hint="look at `source` and `split` in [data]"
            )
        if len(self.target) != self.frame.height:
            raise ValueError(f"{len(self.target)} targets for {self.frame.height} rows")

    @cached_property
    def targets(self) -> list[tuple[str, Floats]]:
        """Give the target, or a mark for each class, with a suffix for names."""
        values = np.asarray(self.target, dtype=np.float64)
        shift = self.find_shift(values) if self.task == "regression" else None
        if shift is not None:  # means of it are as far from 0 as it is
            values = shift.apply(values)
        return targets_of(values, is_multiclass=self.task == "multiclass")

    def find_shift(self, values: Floats) -> Shift | None:
        """Find a shift for numbers of which rounding would make too many equal."""
        return None if self.rounding is None else find_shift(values)

    def differ(self, groups: npt.NDArray[np.int64]) -> bool:
        """Tell whether the target surely differs between groups of rows; small groups do not count.

        The test is the chi-squared one for equal means, its quantile by Wilson and Hilferty (1931).
        """
        sizes = np.bincount(groups).astype(np.float64)
        is_large = sizes >= FEWEST_IN_GROUP
        free = int(is_large.sum()) - 1
        if free < 1:
            return False
        for _, target in self.targets:
            means = np.bincount(groups, weights=target)[is_large] / sizes[is_large]
            apart = float((sizes[is_large] * (means - target.mean()) ** 2).sum())
            ratio = apart / max(float(target.var()), 1e-300) / free
            shift = 2.0 / (9.0 * free)
            if (ratio ** (1 / 3) - (1.0 - shift)) / shift**0.5 > SURELY:
                return True
        return False


@dataclass(frozen=True)
class Output:
    """An output; one that is made from the target brings values for the training rows.

    Those do not contain the row's own target, which the entry's do. NaN: the entry's does not either.
    """

    entry: OutputEntry
    honest: Floats | None = None


@dataclass(frozen=True)
class FittedTransform:
    """A document, and for the places of outputs that are made from the target their training values."""

    document: TransformDocument
    honest: Mapping[int, Floats] = field(default_factory=dict)

    def training_matrix(self, frame: pl.DataFrame, inputs: list[Column]) -> Floats:
        """Compute the outputs for the rows that the transform was fitted on, to fit a model on them.

        Like `apply_transform`, but what is made from the target does not contain the row's own.
        """
        matrix = apply_transform(self.document, frame, inputs)
        for place, values in self.honest.items():
            seen = to_float32(values) if "rounding" in self.document else values
            matrix[:, place] = np.where(np.isnan(values), matrix[:, place], seen)
        return matrix


def put_together(
    inputs: Sequence[Column],
    outputs: Iterable[Output],
    texts: Sequence[TextEntry] = (),
    *,
    rounding: Rounding | None,
) -> FittedTransform:
    """Make the fitted transform of outputs and of the terms that they read."""
    made = list(outputs)
    honest = {place: output.honest for place, output in enumerate(made) if output.honest is not None}
    document = make_document(list(inputs), [output.entry for output in made])
    if rounding is not None:
        document["rounding"] = rounding
    if texts:
        document["texts"] = list(texts)
    return FittedTransform(document, honest)
