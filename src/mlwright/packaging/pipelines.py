"""A fitted scikit-learn pipeline as one model over raw columns, and its own answers to compare with."""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.packaging.assembly import Assembly
from mlwright.packaging.calibrated import calibrated_model, is_calibrated
from mlwright.packaging.conversion import ROWS, Tensors, texts_name
from mlwright.packaging.estimator_trees import BOOSTERS, library_of
from mlwright.packaging.forest import Floats
from mlwright.packaging.graph_run import Tensor
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.pipeline_features import (
    NEVER_SEEN,
    ColumnFacts,
    Feature,
    Value,
    apply_step,
)

TEXT = "text"
"""Name of the column of a pipeline that takes a list of texts."""


@dataclass(frozen=True)
class ConvertedPipeline:
    """A model over the raw columns that it reads, and how the pipeline is given rows of them."""

    model: KernelModel
    fitted: Any
    names: tuple[str, ...]
    """All columns that the pipeline was fitted on."""
    none_is_missing: frozenset[str]
    is_texts: bool = False
    """Whether it takes a list of texts and no table."""
    examples: Mapping[str, object] = field(default_factory=dict)
    """What stands in columns that steps look at and the model does not."""

    def tensor_answers(self, tensors: Tensors) -> list[Tensor]:
        """Give the pipeline's own predictions for the rows of a check."""
        model = self.model
        levels = dict(model.levels)
        for place in model.sentences:
            levels[place] = tuple(str(text) for text in tensors[texts_name(place)])
        asked = replace(self, model=replace(model, levels=levels))
        return [asked.answers(np.asarray(tensors[ROWS], dtype=np.float64))]

    def answers(self, matrix: Floats) -> Floats:
        """Give the pipeline's own predictions for rows as checks hold them."""
        ask = self.fitted.predict if self.model.task == "regression" else self.fitted.predict_proba
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore")  # of names that inner steps do not get, and of unknown categories
            scores = np.asarray(ask(self._rows(matrix)), dtype=np.float64)
        return scores[:, 1] if self.model.task == "binary" else scores

    def _rows(self, matrix: Floats) -> Any:
        """Give rows as the pipeline was given them: a frame when it knows names, else an array."""
        columns: dict[str, Sequence[object] | Floats] = {
            name: [self.examples[name]] * len(matrix) if name in self.examples else np.zeros(len(matrix))
            for name in self.names
        }
        for place, column in enumerate(self.model.columns):
            columns[column.name] = self._values(matrix[:, place], place, column)
        if self.is_texts:
            return columns[self.names[0]]
        if hasattr(self.fitted, "feature_names_in_"):
            return _frame(columns, len(matrix))
        if any(column.type in ("string", "boolean") for column in self.model.columns):
            made = np.empty((len(matrix), len(self.names)), dtype=object)
            for place, name in enumerate(self.names):
                made[:, place] = columns[name]
            return made
        return np.column_stack([np.asarray(values, dtype=np.float64) for values in columns.values()])

    def _values(self, values: Floats, place: int, column: Column) -> Sequence[object] | Floats:
        if column.type == "boolean":
            return [bool(value) for value in values]
        if place not in self.model.levels:
            return values
        missing = None if column.name in self.none_is_missing else math.nan
        known = [missing if text == "" and column.nullable else text for text in self.model.levels[place]]
        return [
            missing if math.isnan(value) else known[int(value)] if value >= 0 else NEVER_SEEN
            for value in values
        ]


def convert_pipeline(fitted: Any) -> ConvertedPipeline:
    """Convert a fitted pipeline, a bare linear model, or a calibrated classifier.

    Raises `ModelUnsupported` naming the step that has no exact conversion.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(fitted)
    is_texts = _takes_texts(fitted)
    names = _names(fitted, is_texts=is_texts)
    facts = ColumnFacts()
    if hasattr(fitted, "feature_names_in_") and importlib.util.find_spec("pandas") is None:
        facts.none_is_missing |= set(range(len(names)))  # the frames of polars, whose nulls are None
    model = _model(names, _steps(fitted), facts)
    missing = frozenset(names[place] for place in facts.none_is_missing)
    examples = {names[place]: example for place, example in facts.examples.items()}
    return ConvertedPipeline(model, fitted, names, missing, is_texts, examples)


def _names(fitted: Any, *, is_texts: bool) -> tuple[str, ...]:
    if is_texts:
        return (TEXT,)
    known = tuple(str(name) for name in getattr(fitted, "feature_names_in_", ()))
    return known or tuple(f"f{place}" for place in range(fitted.n_features_in_))


def _takes_texts(fitted: Any) -> bool:
    """Tell whether the first step takes a list of texts, as vectorizers do."""
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if is_calibrated(fitted):
        return _takes_texts(fitted.calibrated_classifiers_[0].estimator)
    if isinstance(fitted, Pipeline):
        return _takes_texts(_steps(fitted)[0])
    if isinstance(fitted, FeatureUnion):
        return _takes_texts(fitted.transformer_list[0][1])
    return isinstance(fitted, CountVectorizer | HashingVectorizer)


def _steps(fitted: Any) -> list[Any]:
    """Give the steps of a pipeline, or the only one."""
    from sklearn.pipeline import Pipeline

    return (
        [step for _, step in fitted.steps if step is not None] if isinstance(fitted, Pipeline) else [fitted]
    )


def _model(names: Sequence[str], steps: Sequence[Any], facts: ColumnFacts) -> KernelModel:
    *before, last = steps
    if is_calibrated(last):
        parts = last.calibrated_classifiers_
        return calibrated_model(
            last, [_model(names, [*before, *_steps(part.estimator)], facts) for part in parts]
        )
    features: list[Feature] = [Value(place) for place in range(len(names))]
    for step in before:
        features = apply_step(step, features, facts)
    allows_missing = _allows_missing(last, is_sparse=any(_is_sparse(step) for step in before))
    return Assembly(names, features, facts, allows_missing=allows_missing).model(last)


def _is_sparse(step: Any) -> bool:
    """Tell whether a step gives a sparse matrix."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    return isinstance(step, CountVectorizer | TfidfTransformer) or bool(
        getattr(step, "sparse_output_", False)
    )


def _allows_missing(last: Any, *, is_sparse: bool) -> bool:
    from sklearn.utils import get_tags

    if library_of(last) in BOOSTERS:
        return True  # whatever their tags say
    if is_sparse:
        return False  # trees of scikit-learn take NaN in dense rows only
    return bool(get_tags(last).input_tags.allow_nan)


def _frame(columns: dict[str, Sequence[object] | npt.NDArray[np.float64]], rows: int) -> Any:
    """Give a data frame of pandas where that is installed, as pipelines are used to; else of polars."""
    if importlib.util.find_spec("pandas") is not None:
        pandas = importlib.import_module("pandas")
        return pandas.DataFrame(
            {
                name: values if isinstance(values, np.ndarray) else pandas.Series(_dense(values))
                for name, values in columns.items()
            },
            index=range(rows),
        )
    return pl.DataFrame(
        {name: values if isinstance(values, np.ndarray) else list(values) for name, values in columns.items()}
    )


def _dense(values: Sequence[object]) -> npt.NDArray[Any]:
    if values and isinstance(values[0], bool):
        return np.array(values, dtype=bool)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
