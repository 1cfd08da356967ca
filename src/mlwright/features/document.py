"""The transform document (`transform.json`): fitted feature code as data, run by the compiled core only."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from mlwright.data import Column, ColumnType

Operation: TypeAlias = Literal[
    "number", "level", "onehot", "target", "scale", "isnull", "time", "age", "text", "term"
]
TimePart: TypeAlias = Literal["minute", "hour", "weekday", "day", "month", "quarter", "yearday", "epoch_days"]


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
    term: str
    weights: list[float]


class TextEntry(TypedDict):
    """The terms of a column of sentences, each of 1 to `ngrams` words, for all outputs that read it."""

    column: str
    ngrams: int
    terms: list[str]
    idf: list[float]


class TransformDocument(TypedDict):
    """The whole of `transform.json`."""

    format: int
    inputs: list[InputEntry]
    outputs: list[OutputEntry]
    texts: NotRequired[list[TextEntry]]


def make_document(inputs: list[Column], outputs: list[OutputEntry]) -> TransformDocument:
    """Put a document together; the inputs keep their order, which is the signature's."""
    return {
        "format": 1,
        "inputs": [{"name": column.name, "type": column.type} for column in inputs],
        "outputs": outputs,
    }


def output_names(document: TransformDocument) -> list[str]:
    """Name the outputs in order.

    >>> output_names(make_document([], [{"name": "x", "op": "number", "column": "x"}]))
    ['x']
    """
    return [output["name"] for output in document["outputs"]]


def categorical_outputs(document: TransformDocument) -> list[int]:
    """Give the places of the outputs that are indices of levels, for trees with native categories."""
    return [place for place, output in enumerate(document["outputs"]) if output["op"] == "level"]
