"""A fitted scikit-learn pipeline as one model over raw columns, and its own answers to compare with."""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column, ColumnType
from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry, make_document
from mlwright.packaging.estimator_trees import estimator_trees
from mlwright.packaging.estimators import ABOVE_HALF
from mlwright.packaging.folding import Place, fold_trees
from mlwright.packaging.forest import Floats, thresholds_of
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.linear_estimators import LinearHead, is_linear, linear_head, linear_parts
from mlwright.packaging.pipeline_features import (
    NEVER_SEEN,
    OPERATIONS,
    ColumnFacts,
    Feature,
    Indicator,
    Lookup,
    Operation,
    Value,
    apply_step,
    keeps_missing,
    level_text,
    level_type,
)

INVERSE: dict[Operation, Operation] = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
}
SPREADS = (-3.0, -1.0, 0.0, 0.5, 2.0)
"""Where a check of a linear model looks, in units of its scalers."""
FAR = 10.0
"""How far it goes, in those units: beyond, every probability is 0 or 1 or no number."""
LARGEST = 1e38


@dataclass(frozen=True)
class ConvertedPipeline:
    """A model over the raw columns that it reads, and how the pipeline is given rows of them."""

    model: KernelModel
    fitted: Any
    names: tuple[str, ...]
    """All columns that the pipeline was fitted on."""
    none_is_missing: frozenset[str]

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
            name: np.full(len(matrix), np.nan) for name in self.names
        }
        for place, column in enumerate(self.model.columns):
            columns[column.name] = self._values(matrix[:, place], place, column)
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
    """Convert a fitted pipeline, or a bare linear model.

    Raises `ModelUnsupported` naming the step that has no exact conversion.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(fitted)
    names = tuple(str(name) for name in getattr(fitted, "feature_names_in_", ())) or tuple(
        f"f{place}" for place in range(fitted.n_features_in_)
    )
    steps, last = (
        ([step for _, step in fitted.steps[:-1]], fitted.steps[-1][1])
        if isinstance(fitted, Pipeline)
        else ([], fitted)
    )
    facts = ColumnFacts()
    if hasattr(fitted, "feature_names_in_") and importlib.util.find_spec("pandas") is None:
        facts.none_is_missing |= set(range(len(names)))  # the frames of polars, whose nulls are None
    features: list[Feature] = [Value(place) for place in range(len(names))]
    for step in steps:
        if step is not None:
            features = apply_step(step, features, facts)
    model = _Assembly(names, features, facts, allows_missing=_allows_missing(last)).model(last)
    missing = frozenset(names[place] for place in facts.none_is_missing)
    return ConvertedPipeline(model, fitted, names, missing)


def _allows_missing(last: Any) -> bool:
    from sklearn.utils import get_tags

    if not type(last).__module__.startswith("sklearn."):
        return True  # the boosting libraries
    return bool(get_tags(last).input_tags.allow_nan)


class _Assembly:
    """Puts the last step over the raw columns that the features read."""

    def __init__(
        self, names: Sequence[str], features: Sequence[Feature], facts: ColumnFacts, *, allows_missing: bool
    ) -> None:
        if not allows_missing:
            facts.no_null |= {feature.column for feature in features if keeps_missing(feature)}
        used = sorted({feature.column for feature in features})
        places = {column: place for place, column in enumerate(used)}
        self.names = [names[column] for column in used]
        self.no_null = {places[column] for column in facts.no_null if column in places}
        self.closed = {places[column] for column in facts.closed if column in places}
        self.levels = _levels_by_column(features, places)
        self.types = [self._type(place) for place in range(len(used))]
        self.features = [self._placed(feature, places[feature.column]) for feature in features]
        self._settle_missing()

    def model(self, last: Any) -> KernelModel:
        if is_linear(last):
            return self._linear(linear_head(last))
        return self._trees(estimator_trees(last))

    def _type(self, place: int) -> ColumnType:
        if place not in self.levels:
            return "number"
        kind = level_type([level for level in self.levels[place] if level is not None])
        if kind != "string" and place in self.closed:
            if kind == "integer" or len(self.levels[place]) < 2:
                raise ModelUnsupported(
                    f"the encoder of {self.names[place]!r} refuses numbers that it does not know, which a "
                    "contract of columns cannot",
                    hint='set `handle_unknown` of the fitted encoder to "ignore", or encode texts',
                )
            self.closed.discard(place)
        return kind

    def _placed(self, feature: Feature, place: int) -> Feature:
        if self.types[place] == "string":
            if isinstance(feature, Value):
                raise ModelUnsupported(
                    f"column {self.names[place]!r} goes to the model as a text", hint="encode texts first"
                )
            if isinstance(feature, Indicator):
                return Lookup(place, (), (), feature.present, feature.missing)
        if isinstance(feature, Value) and isinstance(feature.missing, str):
            raise ModelUnsupported(
                f"column {self.names[place]!r} goes to the model as a text", hint="encode texts first"
            )
        return replace(feature, column=place)

    def _settle_missing(self) -> None:
        """Null and the text "" are one to a package: where they differ to the encoder, null is refused."""
        for feature in self.features:
            if not isinstance(feature, Lookup) or feature.column in self.no_null:
                continue
            if "" in feature.levels:
                value = feature.values[feature.levels.index("")]
                if value != feature.missing:
                    self.no_null.add(feature.column)
        for place, levels in self.levels.items():
            if place not in self.no_null and "" not in levels:
                levels.append(None)

    def _columns(self) -> tuple[Column, ...]:
        return tuple(
            Column(name, kind, nullable=place not in self.no_null and kind != "boolean")
            for place, (name, kind) in enumerate(zip(self.names, self.types, strict=True))
        )

    def _texts(self, place: int) -> list[str]:
        return [level_text(level) for level in self.levels[place]]

    def _finish(
        self, model: KernelModel, outputs: list[OutputEntry], near: dict[int, list[float]]
    ) -> KernelModel:
        columns = self._columns()
        for place, kind in enumerate(self.types):
            if kind == "integer":
                numbers = [float(level) for level in self.levels[place] if isinstance(level, int | float)]
                near[place] = [*near.get(place, []), *numbers]
        return replace(
            model,
            columns=columns,
            is_named=True,
            levels={
                place: tuple(self._texts(place)) for place, kind in enumerate(self.types) if kind == "string"
            },
            categorical=frozenset(place for place in self.levels if self.types[place] != "boolean"),
            takes_infinite=False,
            transform=make_document(list(columns), outputs),
            values=near,
            closed=frozenset(self.closed),
        )

    def _trees(self, model: KernelModel) -> KernelModel:
        """Fold trees: every column is read as a number, as the code of its level, or as both."""
        outputs: list[OutputEntry] = []
        numbers: dict[int, Place] = {}
        codes: dict[int, Place] = {}
        for feature in self.features:
            place = feature.column
            if isinstance(feature, Lookup) and place not in codes:
                codes[place] = Place(len(outputs), self.levels[place])
                name = f"{self.names[place]}|level"
                outputs.append(
                    {"name": name, "op": "level", "column": self.names[place], "levels": self._texts(place)}
                )
            elif not isinstance(feature, Lookup) and place not in numbers:
                numbers[place] = Place(len(outputs))
                outputs.append({"name": self.names[place], "op": "number", "column": self.names[place]})
        places = [
            (codes if isinstance(feature, Lookup) else numbers)[feature.column] for feature in self.features
        ]
        data = fold_trees(model.data, self.features, places, len(outputs))
        columns = {place.number: column for column, place in numbers.items()}
        near = {
            columns[number]: list(filter(math.isfinite, values)) or [0.0]
            for number, values in thresholds_of(data).items()
            if number in columns
        }
        limits = {
            feature.column: _range(feature, LARGEST)
            for feature in self.features
            if isinstance(feature, Value)
        }
        return self._finish(
            replace(model, data=data, limits=limits), outputs, {k: v for k, v in near.items() if v}
        )

    def _linear(self, head: LinearHead) -> KernelModel:
        texts = {place: self._texts(place) for place in self.levels}
        parts = linear_parts(head, self.features, self.names, texts)
        near: dict[int, list[float]] = {}
        limits: dict[int, tuple[float, float]] = {}
        for feature in self.features:
            if isinstance(feature, Value):
                near.setdefault(feature.column, []).extend(_before(feature, SPREADS))
                limits[feature.column] = _range(feature, FAR)
        model = KernelModel(
            data=parts.data,
            columns=(),
            outputs=len(head.intercept),
            task=head.task,
            is_named=True,
            classes=head.classes,
            threshold=ABOVE_HALF,
            engine="linear",
            limits=limits,
        )
        return self._finish(model, parts.outputs, near)


def _levels_by_column(features: Sequence[Feature], places: dict[int, int]) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {}
    for feature in features:
        if isinstance(feature, Lookup):
            levels = found.setdefault(places[feature.column], [])
            known = set(levels)
            levels += [level for level in feature.levels if level not in known]
    return found


def _before(feature: Value, after: Sequence[float]) -> list[float]:
    """Give numbers of a column that are about these after its steps, and none that float32 does not hold."""
    values = np.array(after)
    for name, by in reversed(feature.steps):
        values = OPERATIONS[INVERSE[name]](values, by)
    found: list[float] = values.clip(-LARGEST, LARGEST).tolist()
    return found


def _range(feature: Value, far: float) -> tuple[float, float]:
    low, high = _before(feature, (-far, far))
    return low, high


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
