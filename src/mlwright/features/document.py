"""The transform document (`transform.json`): fitted feature code as data, run by the compiled core only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from typing import Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

from mlwright.data import Column, ColumnType

Operation: TypeAlias = Literal[
    "number",
    "level",
    "onehot",
    "target",
    "scale",
    "isnull",
    "time",
    "age",
    "ratio",
    "difference",
    "cross",
    "text",
    "term",
]
TimePart: TypeAlias = Literal["minute", "hour", "weekday", "day", "month", "quarter", "yearday", "epoch_days"]

Counts: TypeAlias = Literal["times", "logarithm", "binary"]
Norm: TypeAlias = Literal["none", "l1", "l2"]
Rounding: TypeAlias = Literal["float32"]


class InputEntry(TypedDict):
    """A raw column that the transform reads."""

    name: str
    type: ColumnType


class _OutputName(TypedDict):
    name: str
    op: Operation
    column: str


class OutputEntry(_OutputName, total=False):
    """One number that a model reads; which keys beyond name, op and column are there depends on `op`."""

    levels: list[str]
    level: str
    values: list[float]
    default: float
    fill: float
    mean: float
    scale: float
    part: TimePart
    by: str
    """The second column, of an output that reads two."""
    pairs: list[tuple[str, str]]
    """Levels of both columns, where `values` has a number for a pair."""
    text: str
    """The name of the terms that an output of sentences reads."""
    term: str
    weights: list[float]


class TextReading(TypedDict):
    """How words are taken out of a text, and which of them in a row are a term: up to `ngrams`.

    What is left out is as it is when sentences are learned.
    """

    ngrams: int
    characters: NotRequired[Literal["own", "alphanumeric", "word"]]
    """Of what words are: letters and digits to Rust, or to Python, or to Python with "_"."""
    lowercase: NotRequired[bool]
    shortest: NotRequired[int]
    """Characters of a word, at least; 1."""
    ngrams_from: NotRequired[int]
    """Words of a term, at least; 1."""
    stop_words: NotRequired[list[str]]
    """Left out before words are put in a row."""


class TextEntry(TextReading):
    """Terms of a column of sentences, for all outputs that name them."""

    name: str
    column: str
    terms: list[str]
    idf: list[float]
    counts: NotRequired[Counts]
    """What a term counts that is several times in a text: that often, 1 + ln of that, or once; "times"."""
    norm: NotRequired[Norm]
    """By what length the values of a text are divided; "l2"."""


Entry = TypeVar("Entry", OutputEntry, TextEntry)


class TransformDocument(TypedDict):
    """The whole of `transform.json`."""

    format: int
    inputs: list[InputEntry]
    outputs: list[OutputEntry]
    texts: NotRequired[list[TextEntry]]
    rounding: NotRequired[Rounding]
    """Every output is computed in float64 and rounded to this at the end; without it they stay float64.

    Numbers beyond its range, infinity too, become its largest.
    """


def make_document(inputs: list[Column], outputs: list[OutputEntry]) -> TransformDocument:
    """Put a document together; the inputs keep their order, which is the signature's."""
    return {
        "format": 1,
        "inputs": [{"name": column.name, "type": column.type} for column in inputs],
        "outputs": outputs,
    }


def in_order(document: TransformDocument, columns: Sequence[Column]) -> TransformDocument:
    """Give a document with its inputs in the order of a table's columns, which is the signature's.

    >>> one, other = Column("a", "number"), Column("b", "number")
    >>> [entry["name"] for entry in in_order(make_document([other, one], []), [one, other])["inputs"]]
    ['a', 'b']
    """
    places = {column.name: place for place, column in enumerate(columns)}
    return {**document, "inputs": sorted(document["inputs"], key=lambda entry: places[entry["name"]])}


def output_names(document: TransformDocument) -> list[str]:
    """Name the outputs in order.

    >>> output_names(make_document([], [{"name": "x", "op": "number", "column": "x"}]))
    ['x']
    """
    return [output["name"] for output in document["outputs"]]


def categorical_outputs(document: TransformDocument) -> list[int]:
    """Give the places of the outputs that are indices of levels, for trees with native categories."""
    return [place for place, output in enumerate(document["outputs"]) if output["op"] == "level"]


def merge_documents(documents: Sequence[TransformDocument]) -> tuple[TransformDocument, list[list[int]]]:
    """Put outputs side by side, equal ones once; tell where those of each document are.

    The merged one reads the inputs of all. All must round alike.

    >>> number: OutputEntry = {"name": "x", "op": "number", "column": "x"}
    >>> mark: OutputEntry = {"name": "x|null", "op": "isnull", "column": "x"}
    >>> merged, places = merge_documents([make_document([], [number]), make_document([], [mark, number])])
    >>> output_names(merged), places
    (['x', 'x|null'], [[0], [1, 0]])
    """
    if len({document.get("rounding") for document in documents}) > 1:
        raise ValueError("some of the documents round their outputs, others do not")
    outputs, texts = _Entries[OutputEntry](), _Entries[TextEntry]()
    places = []
    for document in documents:
        named = {text["name"]: texts.add(text) for text in document.get("texts", [])}
        own = []
        for output in document["outputs"]:
            renamed = output.copy()
            if "text" in output:
                renamed["text"] = texts.entries[named[output["text"]]]["name"]
            own.append(outputs.add(renamed))
        places.append(own)
    inputs = {entry["name"]: entry for document in documents for entry in document["inputs"]}
    merged: TransformDocument = {**documents[0], "inputs": [*inputs.values()], "outputs": outputs.entries}
    if texts.entries:
        merged["texts"] = texts.entries
    return merged, places


class _Entries(Generic[Entry]):
    """Different entries; one whose name is taken gets another."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._places: dict[str, int] = {}
        self._names: set[str] = set()

    def add(self, entry: Entry) -> int:
        """Give the place of an entry."""
        key = json.dumps(entry, sort_keys=True)
        if key not in self._places:
            name, number = entry["name"], 2
            while name in self._names:
                name, number = f"{name}#{number}", number + 1
            self._names.add(name)
            self._places[key] = len(self.entries)
            named = copy(entry)
            named["name"] = name
            self.entries.append(named)
        return self._places[key]
