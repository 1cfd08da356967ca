"""`transform.json` as ONNX nodes, from raw columns to the matrix a model reads; float64 until it is rounded.

Steps of one kind are computed together: a column of texts becomes a place in its dictionary once, and one
table gives everything that is looked up there; numbers are scaled as one block. So a graph has few nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import onnx

from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry, TransformDocument
from mlwright.features.document import TextEntry
from mlwright.packaging.graph_builder import TREE_DOMAIN, GraphBuilder
from mlwright.packaging.lower_text import lower_text
from mlwright.packaging.lower_time import MomentParts

LOOKED_UP = ("level", "onehot", "target")
MOST_WHOLE = 1e18
LARGEST = float(np.finfo(np.float32).max)


def lower_transform(builder: GraphBuilder, document: TransformDocument, names: Mapping[str, str]) -> str:
    """Add the steps of a transform and give the name of its matrix `[rows, outputs]`.

    `names` are the tensors of the raw columns, `[rows, 1]`: float64 with NaN for null; texts with "" for
    null; moments in microseconds. Raises `ModelUnsupported` for a step that has no exact counterpart.
    """
    kinds = {column["name"]: column["type"] for column in document["inputs"]}
    texts = {text["name"]: text for text in document.get("texts", [])}
    steps = _Steps(builder, names, kinds, texts)
    for place, output in enumerate(document["outputs"]):
        steps.add(place, output)
    matrix = steps.matrix()
    return _rounded(builder, matrix) if "rounding" in document else matrix


def _rounded(builder: GraphBuilder, matrix: str) -> str:
    """Round to float32, which ends at its largest number; NaN stays, which `Clip` does not promise."""
    for compare, limit in (("Greater", LARGEST), ("Less", -LARGEST)):
        most = builder.constant(limit)
        matrix = builder.add("Where", builder.add(compare, matrix, most), most, matrix)
    single = builder.add("Cast", matrix, to=onnx.TensorProto.FLOAT)
    return builder.add("Cast", single, to=onnx.TensorProto.DOUBLE)


def whole_outputs(document: TransformDocument) -> list[int]:
    """Give the places of outputs that are whole numbers from -1 and never null."""
    return [place for place, output in enumerate(document["outputs"]) if output["op"] in LOOKED_UP[:2]]


def number_text(value: float) -> str:
    """Write a number as the compiled code does where it looks numbers up among levels.

    >>> [number_text(value) for value in (3.0, -0.0, 0.5, 1.25e-7)]
    ['3', '0', '5e-1', '1.25e-7']
    """
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value % 1 == 0 and abs(value) < MOST_WHOLE:
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, rest = digits[0], "".join(str(digit) for digit in digits[1:])
    shown = f"{first}.{rest}" if rest else str(first)
    return f"{'-' if sign else ''}{shown}e{exponent + len(digits) - 1}"


@dataclass
class _Steps:
    """Outputs gathered by what they need, and parts of the matrix with the places they belong to."""

    builder: GraphBuilder
    names: Mapping[str, str]
    kinds: Mapping[str, str]
    texts: Mapping[str, TextEntry]
    looked_up: dict[str, list[tuple[int, OutputEntry]]] = field(default_factory=dict)
    scaled: list[tuple[int, str, OutputEntry]] = field(default_factory=list)
    nulls: list[tuple[int, str]] = field(default_factory=list)
    read: dict[str, list[tuple[int, OutputEntry]]] = field(default_factory=dict)
    moments: dict[str, MomentParts] = field(default_factory=dict)
    parts: list[tuple[list[int], str]] = field(default_factory=list)

    def add(self, place: int, output: OutputEntry) -> None:
        column = output["column"]
        name = self.names[column]
        match output["op"]:
            case "number":
                self.parts.append(([place], name))
            case "scale":
                self.scaled.append((place, name, output))
            case "isnull":
                self._add_null(place, output)
            case "level" | "onehot" | "target":
                self.looked_up.setdefault(column, []).append((place, output))
            case "time":
                self._add_computed(place, output, self._moment(column).part(output["part"]))
            case "age":
                self._add_computed(place, output, self._moment(column).age(self._moment(output["by"])))
            case "ratio" | "difference":
                self._add_computed(place, output, self._of_two(output))
            case "cross":
                self.parts.append(([place], self._cross(output)))
            case "text" | "term":
                self.read.setdefault(output["text"], []).append((place, output))

    def matrix(self) -> str:
        """Put the parts together in the order of the outputs."""
        builder = self.builder
        for column, outputs in self.looked_up.items():
            self.parts.append(([place for place, _ in outputs], self._look_up(column, outputs)))
        for text, outputs in self.read.items():
            entry, read = self.texts[text], [output for _, output in outputs]
            values = lower_text(builder, self.names[entry["column"]], entry, read)
            self.parts.append(([place for place, _ in outputs], values))
        if self.scaled:
            self.parts.append(([place for place, *_ in self.scaled], self._scale()))
        if self.nulls:
            missing = builder.add("IsNaN", self._together([name for _, name in self.nulls]))
            marks = builder.add("Cast", missing, to=onnx.TensorProto.DOUBLE)
            self.parts.append(([place for place, _ in self.nulls], marks))
        if not self.parts:
            raise ModelUnsupported(
                "the model reads no column, so a graph could not tell how many rows it is given",
                hint="train on at least one column",
            )
        self.parts.sort(key=lambda part: part[0][0])
        matrix = self._together([name for _, name in self.parts])
        order = np.argsort([place for places, _ in self.parts for place in places])
        if (order == np.arange(len(order))).all():
            return matrix
        return builder.add("Gather", matrix, builder.constant(order, np.int64), axis=1)

    def _together(self, names: Sequence[str]) -> str:
        return names[0] if len(names) == 1 else self.builder.add("Concat", *names, axis=1)

    def _moment(self, column: str) -> MomentParts:
        if column not in self.moments:
            self.moments[column] = MomentParts(self.builder, self.names[column])
        return self.moments[column]

    def _add_computed(self, place: int, output: OutputEntry, value: str) -> None:
        if "scale" in output:
            self.scaled.append((place, value, output))
        else:
            self.parts.append(([place], value))

    def _of_two(self, output: OutputEntry) -> str:
        builder, left, right = self.builder, self.names[output["column"]], self.names[output["by"]]
        if output["op"] == "difference":
            return builder.add("Sub", left, right)
        is_zero = builder.add("Equal", right, builder.constant(0.0))
        return builder.add("Where", is_zero, builder.constant(np.nan), builder.add("Div", left, right))

    def _cross(self, output: OutputEntry) -> str:
        """Look a pair of levels up: the place of the first times the second's many, plus the second's."""
        builder, wholes = self.builder, []
        sides = [list(dict.fromkeys(side)) for side in zip(*output["pairs"], strict=True)] or [[], []]
        for column, levels in zip((output["column"], output["by"]), sides, strict=True):
            wholes.append(self._code(column, levels))
        table = np.full((len(sides[0]) + 1, len(sides[1]) + 1), output["default"])
        for (first, second), value in zip(output["pairs"], output["values"], strict=True):
            table[sides[0].index(first) + 1, sides[1].index(second) + 1] = value
        line = builder.add("Mul", wholes[0], builder.constant(table.shape[1], np.int64))
        line = builder.add("Reshape", builder.add("Add", line, wholes[1]), builder.constant([-1], np.int64))
        return builder.add("Gather", builder.constant(table.reshape(-1, 1)), line, axis=0)

    def _add_null(self, place: int, output: OutputEntry) -> None:
        column, kind = output["column"], self.kinds[output["column"]]
        if kind == "string":
            raise ModelUnsupported(
                f'output {output["name"]!r} tells null from the text "", which ONNX texts cannot',
                hint='train with the text "" as one more value of the column',
                column=column,
            )
        if kind == "timestamp":
            mark = self.builder.add("Cast", self._moment(column).is_null, to=onnx.TensorProto.DOUBLE)
            self.parts.append(([place], mark))
        else:
            self.nulls.append((place, self.names[column]))

    def _scale(self) -> str:
        """Compute (x or fill - mean) / scale for all scaled numbers at once."""
        builder = self.builder
        fill, mean, scale = (
            builder.constant([[output[key] for _, _, output in self.scaled]])
            for key in ("fill", "mean", "scale")
        )
        values = self._together([name for _, name, _ in self.scaled])
        is_odd = builder.add("Or", builder.add("IsNaN", values), builder.add("IsInf", values))
        filled = builder.add("Where", is_odd, fill, values)
        return builder.add("Div", builder.add("Sub", filled, mean), scale)

    def _look_up(self, column: str, outputs: Sequence[tuple[int, OutputEntry]]) -> str:
        """Look the row's level up in a table of one line per level; the first line is for the others."""
        levels = dict.fromkeys(
            level
            for _, output in outputs
            for level in ([output["level"]] if output["op"] == "onehot" else output["levels"])
        )
        table = np.column_stack([_values(output, list(levels)) for _, output in outputs])
        code = self._code(column, list(levels))
        line = self.builder.add("Reshape", code, self.builder.constant([-1], np.int64))
        return self.builder.add("Gather", self.builder.constant(table), line, axis=0)

    def _code(self, column: str, levels: Sequence[str]) -> str:
        """Give the place of a value among levels, from 1, and 0 for others."""
        if self.kinds[column] == "string":
            return self._text_code(column, levels)
        return self._number_code(column, levels)

    def _text_code(self, column: str, levels: Sequence[str]) -> str:
        return self.builder.add(
            "LabelEncoder",
            self.names[column],
            domain=TREE_DOMAIN,
            keys_strings=list(levels),
            values_int64s=list(range(1, len(levels) + 1)),
            default_int64=0,
        )

    def _number_code(self, column: str, levels: Sequence[str]) -> str:
        """Look numbers and booleans up by the text they are written as; only one number has that text."""
        builder, values = self.builder, self.names[column]
        is_null = builder.add("IsNaN", values)
        marks: list[tuple[str, int]] = []
        for line, level in enumerate(levels, 1):
            if level == "":
                marks.append((is_null, line))
            elif self.kinds[column] == "boolean":
                is_false = builder.add("Equal", values, builder.constant(0.0))
                if level == "false":
                    marks.append((is_false, line))
                elif level == "true":
                    marks.append((builder.add("Not", builder.add("Or", is_false, is_null)), line))
            elif (number := _number_of(level)) is not None:
                marks.append((builder.add("Equal", values, builder.constant(number)), line))
        code = builder.add("Mul", self._whole(is_null), builder.constant(0, np.int64))
        for mark, line in marks:
            more = builder.add("Mul", self._whole(mark), builder.constant(line, np.int64))
            code = builder.add("Add", code, more)
        return code

    def _whole(self, mark: str) -> str:
        return self.builder.add("Cast", mark, to=onnx.TensorProto.INT64)


def _values(output: OutputEntry, levels: Sequence[str]) -> list[float]:
    """Give what an output is for any other level, and for each one."""
    match output["op"]:
        case "onehot":
            return [0.0, *(float(level == output["level"]) for level in levels)]
        case "level":
            known = {level: float(place) for place, level in enumerate(output["levels"])}
            rest = -1.0
        case _:
            known = dict(zip(output["levels"], output["values"], strict=True))
            rest = output["default"]
    return [rest, *(known.get(level, rest) for level in levels)]


def _number_of(level: str) -> float | None:
    """Give the number that is written as a level, if one is."""
    try:
        number = float(level)
    except ValueError:
        return None
    return number if not math.isnan(number) and number_text(number) == level else None
