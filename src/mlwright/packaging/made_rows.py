"""Rows for a check where real ones are gone: drawn from contract, transform and thresholds of a package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.features import TransformDocument
from mlwright.packaging.forest_file import ForestFile
from mlwright.packaging.parity import column_thresholds
from mlwright.packaging.text_rows import sample_texts

Floats = npt.NDArray[np.float64]

NULL_SHARE = 0.05
NEVER_SEEN = "\u2603 never seen"
FIRST_MOMENT, LAST_MOMENT = -(10**15), 4 * 10**15  # microseconds: 1938 to 2096
Thresholds = Mapping[int, Sequence[float]]


def made_frame(
    columns: Sequence[Column],
    transform: TransformDocument,
    contract: Mapping[str, Any],
    thresholds: Thresholds,
    *,
    rows: int,
    seed: int,
) -> pl.DataFrame:
    """Draw rows of named columns, each column on its own, some values null.

    Numbers follow the quantiles of the contract, else lie over the thresholds of the model; texts are the
    levels that transform and contract know, and one that they do not; sentences are made of their terms.
    """
    generator = np.random.default_rng(seed)
    facts = {column["name"]: column for column in contract.get("columns", ())}
    near = column_thresholds(transform, thresholds)
    made = []
    for column in columns:
        values = _column(
            column,
            facts.get(column.name, {}),
            _levels(column.name, transform),
            near.get(column.name, np.zeros(0)).tolist(),
            (rows, generator),
        )
        is_null = pl.Series(generator.random(rows) < NULL_SHARE)
        made.append(pl.select(pl.when(~is_null).then(values)).to_series().alias(column.name))
    return pl.DataFrame(made)


def made_matrix(features: int, forest: ForestFile | None, *, rows: int, seed: int) -> Floats:
    """Draw a matrix over the thresholds of a forest; features with categories hold whole numbers."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, features))
    if forest is None:
        return matrix
    for feature in np.unique(forest.feature).tolist():
        is_here = forest.feature == feature
        if (forest.is_categorical & is_here).any():
            most = 32 * int(forest.bits_len[is_here].max())
            matrix[:, feature] = generator.integers(-1, most + 1, rows)
        else:
            matrix[:, feature] = _over(forest.threshold[is_here].tolist(), rows, generator)
    matrix[generator.random(matrix.shape) < NULL_SHARE] = np.nan
    return matrix


def _column(
    column: Column,
    facts: Mapping[str, Any],
    levels: Sequence[str],
    splits: Sequence[float],
    drawing: tuple[int, np.random.Generator],
) -> pl.Series:
    rows, generator = drawing
    match column.type:
        case "string":
            texts = pl.Series([*dict.fromkeys([*levels, *facts.get("levels", ())]), NEVER_SEEN])
            return texts.gather(generator.integers(0, len(texts), rows))
        case "boolean":
            return pl.Series(generator.random(rows) < 0.5)
        case "timestamp":
            moments = generator.integers(FIRST_MOMENT, LAST_MOMENT, rows)
            return pl.Series(moments).cast(pl.Datetime("us"))
        case "number" | "integer":
            quantiles = facts.get("quantiles")
            numbers = (
                np.interp(generator.random(rows), *np.array(quantiles, dtype=np.float64).T)
                if quantiles
                else _over(splits, rows, generator)
            )
            return pl.Series(numbers.round() if column.type == "integer" else numbers)


def _over(splits: Sequence[float], rows: int, generator: np.random.Generator) -> Floats:
    """Draw numbers over the range of thresholds and a little beyond."""
    known = [value for value in splits if np.isfinite(value)]
    if not known:
        return generator.normal(size=rows)
    low, high = min(known), max(known)
    spread = min((high - low) or max(abs(high), 1.0), 1e300)
    return generator.uniform(low - 0.1 * spread, high + 0.1 * spread, rows)


def _levels(column: str, transform: TransformDocument) -> list[str]:
    found: dict[str, None] = {}
    for output in transform["outputs"]:
        if output["column"] == column:
            found |= dict.fromkeys([*output.get("levels", ()), *filter(None, [output.get("level")])])
    sentences = [text for text in transform.get("texts", ()) if text["column"] == column]
    return [*found, *(sample_texts(sentences) if sentences else ())]
