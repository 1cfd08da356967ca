"""What the steps of a fitted scikit-learn pipeline compute, feature by feature, each from one raw column.

A step that combines columns, or that changes a number in a way not listed here, is refused by its name.
Encoders are not imitated but asked: each level, an unseen one and a missing one go through the fitted step,
and what comes out is the table.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.packaging.pipeline_texts import NO_TEXTS, Texts, read_vectorizer, weigh

NEVER_SEEN = "\u2603 never seen"

Operation: TypeAlias = Literal["add", "subtract", "multiply", "divide"]
Step: TypeAlias = tuple[Operation, float]
OPERATIONS: Mapping[Operation, Callable[[Any, float], Any]] = {
    "add": lambda value, by: value + by,
    "subtract": lambda value, by: value - by,
    "multiply": lambda value, by: value * by,
    "divide": lambda value, by: value / by,
}


@dataclass(frozen=True)
class Value:
    """The number (or still the text) of a column after steps that never turn its order round."""

    column: int
    steps: tuple[Step, ...] = ()
    missing: object = None
    """What it is where the column is missing; None: it stays missing."""


@dataclass(frozen=True)
class Term(Value):
    """What one term of a text is worth after steps; without a text it is worth what no term is."""

    texts: Texts = NO_TEXTS
    place: int = 0


@dataclass(frozen=True)
class Lookup:
    """A number for each level of a column; a level is a text, a whole number or a boolean."""

    column: int
    levels: tuple[object, ...]
    values: tuple[float, ...]
    unseen: float
    missing: float


@dataclass(frozen=True)
class Indicator:
    """A number for a column that is there, and one where it is missing."""

    column: int
    present: float
    missing: float


Feature: TypeAlias = Value | Lookup | Indicator
"""A `Term` is a `Value` whose number is that of a term."""


@dataclass
class ColumnFacts:
    """What is learned of the raw columns on the way."""

    closed: set[int] = field(default_factory=set)
    """Columns of which the steps take known levels only."""
    no_null: set[int] = field(default_factory=set)
    """Columns in which a step refuses missing values."""
    none_is_missing: set[int] = field(default_factory=set)
    """Columns of which None is missing to the steps, and not NaN."""
    examples: dict[int, object] = field(default_factory=dict)
    """A value that the steps take, for columns that hold no numbers."""


def apply_step(step: object, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    """Give what a fitted step makes of features. Raises `ModelUnsupported` with the name of the step."""
    if isinstance(step, str):
        return [] if step == "drop" else list(features)
    for kinds, apply in _steps():
        if isinstance(step, kinds):
            if kinds not in _composites():
                _refuse_missing(step, features, facts)
            return apply(step, features, facts)
    raise ModelUnsupported(
        f"the step {type(step).__name__} has no exact conversion",
        hint="replace it by one that has: docs/guides/bring-your-own-model.md lists them",
        step=type(step).__name__,
    )


def _steps() -> list[tuple[Any, Callable[[Any, Sequence[Feature], ColumnFacts], list[Feature]]]]:
    from sklearn import preprocessing
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer
    from sklearn.feature_selection import SelectorMixin
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import FeatureUnion, Pipeline

    return [
        (Pipeline, _pipeline),
        (ColumnTransformer, _column_transformer),
        (FeatureUnion, _union),
        (preprocessing.StandardScaler, _standard),
        (preprocessing.MinMaxScaler, _min_max),
        (preprocessing.MaxAbsScaler, _max_abs),
        (preprocessing.RobustScaler, _robust),
        (preprocessing.FunctionTransformer, _function),
        (SimpleImputer, _impute),
        (MissingIndicator, _indicate),
        (preprocessing.OneHotEncoder, _one_hot),
        (preprocessing.OrdinalEncoder, _ordinal),
        (preprocessing.TargetEncoder, _target),
        (SelectorMixin, _select),
        ((CountVectorizer, HashingVectorizer), _vectorize),
        (TfidfTransformer, _weigh),
    ]


def _composites() -> tuple[Any, ...]:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    return Pipeline, ColumnTransformer, FeatureUnion


def _refuse_missing(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.utils import get_tags

    if isinstance(step, SimpleImputer):
        return  # it fills what it calls missing, None too
    if not get_tags(step).input_tags.allow_nan:
        facts.no_null |= {feature.column for feature in features if keeps_missing(feature)}


def keeps_missing(feature: Feature) -> bool:
    """Tell whether a feature is missing where its column is."""
    match feature:
        case Value():
            return feature.missing is None
        case Lookup():
            return any(math.isnan(value) for value in (*feature.values, feature.missing))
        case Indicator():
            return False


def _pipeline(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    found = list(features)
    for _, inner in step.steps:
        if inner is not None:
            found = apply_step(inner, found, facts)
    return found


def _column_transformer(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    found: list[Feature] = []
    for name, inner, _ in step.transformers_:
        places = step._transformer_to_input_indices[name]
        if len(places):
            found += apply_step(inner, [features[place] for place in places], facts)
    return found


def _union(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    if step.transformer_weights:
        raise ModelUnsupported("a FeatureUnion has weights", hint="leave its transformer_weights out")
    return [made for _, inner in step.transformer_list for made in apply_step(inner, features, facts)]


def _standard(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    return _move(
        step, features, [("subtract", step.mean_ if step.with_mean else None), ("divide", step.scale_)]
    )


def _min_max(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    if step.clip:
        raise ModelUnsupported("a MinMaxScaler clips", hint="fit it with clip=False")
    return _move(step, features, [("multiply", step.scale_), ("add", step.min_)])


def _max_abs(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    if getattr(step, "clip", False):
        raise ModelUnsupported("a MaxAbsScaler clips", hint="fit it with clip=False")
    return _move(step, features, [("divide", step.scale_)])


def _robust(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    centre = step.center_ if step.with_centering else None
    return _move(
        step, features, [("subtract", centre), ("divide", step.scale_ if step.with_scaling else None)]
    )


def _function(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    if step.func is not None:
        raise ModelUnsupported(
            f"a FunctionTransformer calls {getattr(step.func, '__name__', 'a function')!r}, which is code",
            hint="compute its columns before the pipeline, and give them as columns",
        )
    return list(features)


def _vectorize(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    texts, name = read_vectorizer(step), type(step).__name__
    [feature] = features
    if not isinstance(feature, Value) or feature.steps:
        raise ModelUnsupported(f"a {name} reads a computed number", hint="give it raw texts")
    facts.examples.setdefault(feature.column, "")
    if feature.missing is None:
        facts.no_null.add(feature.column)  # the step takes texts only
    elif step.build_analyzer()(str(feature.missing)):
        raise ModelUnsupported(
            f"the text {feature.missing!r} stands for missing ones before a {name}",
            hint='fill missing texts with "", which has no words',
        )
    return [Term(feature.column, missing=0.0, texts=texts, place=place) for place in range(len(texts.terms))]


def _weigh(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    terms = [feature for feature in features if isinstance(feature, Term) and not feature.steps]
    of = {feature.texts for feature in terms}
    if len(terms) < len(features) or len(of) > 1 or not all(texts.are_counted for texts in of):
        raise ModelUnsupported(
            "a TfidfTransformer weighs other numbers than the words that one CountVectorizer counts",
            hint="put it after a CountVectorizer, or use a TfidfVectorizer",
        )
    texts = weigh(of.pop(), step, [feature.place for feature in terms])
    return [replace(feature, texts=texts, place=place) for place, feature in enumerate(terms)]


def _select(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    return [feature for feature, is_kept in zip(features, step.get_support(), strict=True) if is_kept]


def _move(step: Any, features: Sequence[Feature], moves: Sequence[tuple[Operation, Any]]) -> list[Feature]:
    """Apply a scaler's arithmetic, in the order in which scikit-learn applies it."""
    found = []
    for place, feature in enumerate(features):
        steps: list[Step] = [(name, float(by[place])) for name, by in moves if by is not None]
        if not all(math.isfinite(by) and (name in ("add", "subtract") or by > 0) for name, by in steps):
            raise ModelUnsupported(
                f"a {type(step).__name__} has a scale that is no positive number for its input {place}",
                hint="leave out columns that had no value when it was fitted",
            )
        found.append(_moved(feature, steps))
    return found


def _moved(feature: Feature, steps: Sequence[Step]) -> Feature:
    def move(value: float) -> float:
        for name, by in steps:
            value = OPERATIONS[name](value, by)
        return value

    match feature:
        case Value():
            if isinstance(feature.missing, str):
                raise ModelUnsupported("a text is scaled", hint="encode texts before they are scaled")
            missing = None if feature.missing is None else move(float(feature.missing))  # type: ignore[arg-type]
            return replace(feature, steps=(*feature.steps, *steps), missing=missing)
        case Lookup():
            return replace(
                feature,
                values=tuple(move(value) for value in feature.values),
                unseen=move(feature.unseen),
                missing=move(feature.missing),
            )
        case Indicator():
            return replace(feature, present=move(feature.present), missing=move(feature.missing))


def _impute(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    missing_values = step.missing_values
    is_nan = isinstance(missing_values, float) and math.isnan(missing_values)
    if not is_nan and missing_values is not None:
        raise ModelUnsupported(
            f"a SimpleImputer takes {missing_values!r} for missing", hint="use NaN for missing values"
        )
    found: list[Feature] = []
    for feature, fill in zip(features, step.statistics_.tolist(), strict=True):
        if missing_values is None:
            facts.none_is_missing.add(feature.column)
        if fill is None or (isinstance(fill, float) and math.isnan(fill)):
            continue  # scikit-learn drops a column that had no value
        found.append(_filled(feature, fill))
    if step.add_indicator:
        found += _indicate(step.indicator_, features, facts)
    return found


def _filled(feature: Feature, fill: Any) -> Feature:
    match feature:
        case Value():
            return replace(feature, missing=fill) if feature.missing is None else feature
        case Lookup():
            put = [float(fill) if math.isnan(value) else value for value in feature.values]
            unseen, missing = (
                float(fill) if math.isnan(value) else value for value in (feature.unseen, feature.missing)
            )
            return replace(feature, values=tuple(put), unseen=unseen, missing=missing)
        case Indicator():
            return feature


def _indicate(step: Any, features: Sequence[Feature], _: ColumnFacts) -> list[Feature]:
    found: list[Feature] = []
    for place in step.features_:
        feature = features[int(place)]
        if isinstance(feature, Lookup):
            raise ModelUnsupported(
                "a MissingIndicator follows an encoder", hint="mark missing values before they are encoded"
            )
        found.append(Indicator(feature.column, 0.0, float(keeps_missing(feature))))
    return found


def _one_hot(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    return _encode(step, features, facts, [int(count) for count in step._n_features_outs])


def _ordinal(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    return _encode(step, features, facts, [1] * len(features))


def _target(step: Any, features: Sequence[Feature], facts: ColumnFacts) -> list[Feature]:
    each = len(step.encodings_) // max(len(features), 1)
    return _encode(step, features, facts, [each] * len(features))


def _encode(
    step: Any, features: Sequence[Feature], facts: ColumnFacts, widths: Sequence[int]
) -> list[Feature]:
    """Ask an encoder for the numbers of every level of each of its columns."""
    found: list[Feature] = []
    usual = [categories[0] for categories in step.categories_]
    first = 0
    for place, (feature, width) in enumerate(zip(features, widths, strict=True)):
        if not isinstance(feature, Value) or feature.steps:
            raise ModelUnsupported(
                f"a {type(step).__name__} encodes a computed number", hint="encode raw columns"
            )
        levels, marks = _levels(step.categories_[place].tolist(), type(step).__name__)
        if None in marks:
            facts.none_is_missing.add(feature.column)
        mark = None if feature.column in facts.none_is_missing else math.nan
        facts.examples.setdefault(feature.column, usual[place])

        def ask(
            values: Sequence[object], place: int = place, outputs: slice = slice(first, first + width)
        ) -> list[list[float]]:
            return _ask(step, [[*usual[:place], value, *usual[place + 1 :]] for value in values], outputs)

        known = ask(levels)
        unseen = _or_refusal(ask, _unseen(levels))
        absent = _or_refusal(ask, mark if feature.missing is None else feature.missing)
        if unseen is None:
            facts.closed.add(feature.column)
        if absent is None:
            facts.no_null.add(feature.column)
        for output in range(width):
            rest = math.nan if unseen is None else unseen[output]
            found.append(
                Lookup(
                    feature.column,
                    tuple(levels),
                    tuple(row[output] for row in known),
                    rest,
                    rest if absent is None else absent[output],
                )
            )
        first += width
    return found


def _levels(categories: Sequence[object], what: str) -> tuple[list[object], set[object]]:
    """Split categories into levels and what stands for missing: None, or NaN."""
    levels: list[object] = []
    marks: set[object] = set()
    for item in categories:
        if item is None or (isinstance(item, float) and math.isnan(item)):
            marks.add(None if item is None else "nan")
        else:
            levels.append(item)
    kinds = {_kind(level) for level in levels}
    if len(marks) > 1 or len(kinds) > 1 or None in kinds:
        raise ModelUnsupported(
            f"a {what} has categories that are neither all texts, nor whole numbers, nor booleans",
            hint="give it columns of one type, with one mark for missing values",
        )
    return levels, marks


def _kind(level: object) -> str | None:
    match level:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float() if float(level).is_integer() and abs(level) < 2**53:
            return "integer"
        case _:
            return None


def level_type(levels: Sequence[object]) -> Literal["boolean", "string", "integer"]:
    """Give the type of a column with these levels."""
    kinds: dict[str | None, Literal["boolean", "string", "integer"]] = {
        "boolean": "boolean",
        "integer": "integer",
    }
    return kinds.get(_kind(levels[0]), "string") if levels else "string"


def _unseen(levels: Sequence[object]) -> object:
    numbers = [float(level) for level in levels if isinstance(level, int | float)]
    return NEVER_SEEN if len(numbers) < len(levels) or not numbers else max(numbers) + 1


def _ask(step: Any, rows: Sequence[Sequence[object]], outputs: slice) -> list[list[float]]:
    if not rows:
        return []
    given = np.empty((len(rows), len(rows[0])), dtype=object)
    given[:] = rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that an array has not, and of unknown categories
        made = step.transform(given)
    dense = made[:, outputs].toarray() if hasattr(made, "toarray") else np.asarray(made)[:, outputs]
    found: list[list[float]] = dense.astype(np.float64).tolist()
    return found


def _or_refusal(ask: Callable[[list[object]], list[list[float]]], value: object) -> list[float] | None:
    try:
        return ask([value])[0]
    except (ValueError, TypeError):  # what encoders raise for a level that they do not know
        return None


def level_text(level: object) -> str:
    """Give a level as transforms write it; None, which stands for missing, is "".

    >>> [level_text(level) for level in (None, True, 3.0, "a")]
    ['', 'true', '3', 'a']
    """
    match level:
        case None:
            return ""
        case bool():
            return str(level).lower()
        case int() | float():
            return str(int(level))
        case _:
            return str(level)
