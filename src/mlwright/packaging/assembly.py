"""The last step of a pipeline over the raw columns that its features read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlwright.data import Column, ColumnType
from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry, make_document
from mlwright.features.document import TextEntry
from mlwright.packaging.estimator_trees import estimator_trees
from mlwright.packaging.estimators import ABOVE_HALF
from mlwright.packaging.folding import Place, fold_trees
from mlwright.packaging.forest import read_trees, thresholds_of
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.linear_estimators import LinearHead, is_linear, linear_head, linear_parts
from mlwright.packaging.pipeline_features import (
    OPERATIONS,
    ColumnFacts,
    Feature,
    Indicator,
    Lookup,
    Operation,
    Term,
    Value,
    keeps_missing,
    level_text,
    level_type,
)
from mlwright.packaging.pipeline_texts import Texts, term_output
from mlwright.packaging.text_rows import sample_texts

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


class Assembly:
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
        self.sentences = _texts_by_column(features, places)
        for place in self.closed & set(self.sentences):
            raise ModelUnsupported(
                f"an encoder refuses texts of {self.names[place]!r} that a vectorizer reads",
                hint='set `handle_unknown` of the fitted encoder to "ignore"',
            )
        self.types = [self._type(place) for place in range(len(used))]
        self.features = [self._placed(feature, places[feature.column]) for feature in features]
        self._settle_missing()

    def model(self, last: Any) -> KernelModel:
        """Give the model of the last step over raw columns. Raises `ModelUnsupported`."""
        if is_linear(last):
            return self._linear(linear_head(last))
        return self._trees(estimator_trees(last))

    def _type(self, place: int) -> ColumnType:
        if place in self.sentences:
            return "string"
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
            if isinstance(feature, Value) and not isinstance(feature, Term):
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
        known = [level_text(level) for level in self.levels.get(place, ())]
        if place in self.sentences:
            entries = [text.entry("", "") for text in self.sentences[place]]
            return list(dict.fromkeys([*known, *sample_texts(entries)]))
        return known

    def _finish(
        self,
        model: KernelModel,
        outputs: list[OutputEntry],
        near: dict[int, list[float]],
        texts: Sequence[TextEntry] = (),
    ) -> KernelModel:
        columns = self._columns()
        document = make_document(list(columns), outputs)
        if texts:
            document["texts"] = list(texts)
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
            categorical=frozenset(
                place for place in {*self.levels, *self.sentences} if self.types[place] != "boolean"
            ),
            takes_infinite=False,
            transform=document,
            values=near,
            closed=frozenset(self.closed),
            sentences=frozenset(self.sentences),
        )

    def _trees(self, model: KernelModel) -> KernelModel:
        """Fold trees: every column is read as a number, as the code of its level, or as both."""
        outputs: list[OutputEntry] = []
        numbers: dict[int, Place] = {}
        codes: dict[int, Place] = {}
        terms = _TermPlaces(self.names)
        split_on = set(read_trees(model.data)[0].feature) if self.sentences else set()
        for number, feature in enumerate(self.features):
            place = feature.column
            if isinstance(feature, Term):
                if number in split_on:  # a vocabulary has thousands, trees ask for some
                    terms.add(feature, outputs)
            elif isinstance(feature, Lookup) and place not in codes:
                codes[place] = Place(len(outputs), self.levels[place])
                name = f"{self.names[place]}|level"
                outputs.append(
                    {"name": name, "op": "level", "column": self.names[place], "levels": self._texts(place)}
                )
            elif not isinstance(feature, Lookup) and place not in numbers:
                numbers[place] = Place(len(outputs))
                outputs.append({"name": self.names[place], "op": "number", "column": self.names[place]})
        places = [
            terms.places.get(_term_key(feature), Place(0))
            if isinstance(feature, Term)
            else (codes if isinstance(feature, Lookup) else numbers)[feature.column]
            for feature in self.features
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
            if isinstance(feature, Value) and not isinstance(feature, Term)
        }
        near = {column: values for column, values in near.items() if values}
        return self._finish(replace(model, data=data, limits=limits), outputs, near, terms.texts)

    def _linear(self, head: LinearHead) -> KernelModel:
        texts = {place: self._texts(place) for place in self.levels}
        parts = linear_parts(head, self.features, self.names, texts)
        near: dict[int, list[float]] = {}
        limits: dict[int, tuple[float, float]] = {}
        for feature in self.features:
            if isinstance(feature, Value) and not isinstance(feature, Term):
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
        return self._finish(model, parts.outputs, near, parts.texts)


class _TermPlaces:
    """Outputs for the terms that trees read, each once, and the texts that these are of."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.places: dict[tuple[int, Texts, int], Place] = {}
        self.texts: list[TextEntry] = []
        self._entries: dict[tuple[int, Texts], str] = {}

    def add(self, feature: Term, outputs: list[OutputEntry]) -> None:
        """Put the term of a feature among the outputs."""
        key, column = _term_key(feature), self._names[feature.column]
        if key in self.places:
            return
        of = (feature.column, feature.texts)
        if of not in self._entries:
            self._entries[of] = f"{len(self.texts)}|{column}"
            self.texts.append(feature.texts.entry(self._entries[of], column))
        term = feature.texts.terms[feature.place]
        self.places[key] = Place(len(outputs))
        outputs.append(term_output(f"{self._entries[of]}|{term}", column, self._entries[of], term))


def _term_key(feature: Term) -> tuple[int, Texts, int]:
    return feature.column, feature.texts, feature.place


def _texts_by_column(features: Sequence[Feature], places: dict[int, int]) -> dict[int, list[Texts]]:
    found: dict[int, list[Texts]] = {}
    for feature in features:
        if isinstance(feature, Term):
            known = found.setdefault(places[feature.column], [])
            if feature.texts not in known:
                known.append(feature.texts)
    return found


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
