"""Terms of a text as ONNX nodes, one text at a time: runs of codes to counts, and counts to outputs.

A word is its codes between two separators, and a term of two words has one between them: so a counter of runs
counts terms. Texts are read one by one: what is computed does not depend on the longest of a batch, and sums
are added term by term as the compiled code adds them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from mlwright.features import OutputEntry
from mlwright.features.document import TextEntry
from mlwright.packaging.character_codes import NEVER, CharacterCodes, codes_of
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.lower_words import WordReader, count_runs


def lower_text(builder: GraphBuilder, texts: str, entry: TextEntry, outputs: Sequence[OutputEntry]) -> str:
    """Add the outputs of one list of terms and give them as `[rows, outputs]`, in their order.

    `texts` is the tensor of the column, `[rows, 1]`.
    """
    known = codes_of(entry, [*entry["terms"], *entry.get("stop_words", ())])
    inner = builder.inner()
    row = inner.new_name("row")
    codes = WordReader(inner, entry, known).codes(inner.add("Gather", texts, row, axis=0))
    terms = _Terms(inner, entry)
    values = terms.outputs(terms.counts(codes, known), outputs)
    return builder.add_loop(texts, inner, row, values, len(outputs))


@dataclass(frozen=True)
class _Terms:
    """The nodes of one list of terms, for one text."""

    builder: GraphBuilder
    entry: TextEntry

    def counts(self, codes: str, known: CharacterCodes) -> str:
        """Count the terms: float32 `[terms]`, one that is never there where there is no term."""
        left_out = frozenset(self.entry.get("stop_words", ()))
        runs = [
            known.spell(term) if self._is_found(term, left_out) else [NEVER, place]
            for place, term in enumerate(self.entry["terms"])
        ]
        return count_runs(self.builder, codes, runs or [[NEVER, 0]], range(max(len(runs), 1)))

    def outputs(self, counts: str, outputs: Sequence[OutputEntry]) -> str:
        """Give the outputs `[outputs]` of the counts of terms."""
        builder = self.builder
        idf = builder.constant(self.entry["idf"] or [0.0])
        found = builder.add("Squeeze", builder.add("NonZero", counts), self._whole([0]))
        values = self._values(counts, found, builder.add("Gather", idf, found))
        length = self._length(values)
        parts: list[str] = []
        sums = [place for place, output in enumerate(outputs) if output["op"] == "text"]
        if sums:
            parts.append(self._sums([outputs[place] for place in sums], values, found, length))
        alone = [place for place, output in enumerate(outputs) if output["op"] == "term"]
        if alone:
            index = {term: place for place, term in enumerate(self.entry["terms"])}
            chosen = self._whole([index[outputs[place]["term"]] for place in alone])
            single = self._values(counts, chosen, builder.add("Gather", idf, chosen))
            parts.append(builder.add("Div", single, length))
        both = builder.add("Concat", *parts, axis=0)
        return builder.add("Gather", both, self._whole(np.argsort([*sums, *alone])))

    def _is_found(self, term: str, left_out: Collection[str]) -> bool:
        """Tell whether the words of a term can come in a row."""
        words, shortest = term.split(" "), self.entry.get("shortest", 1)
        is_long = self.entry.get("ngrams_from", 1) <= len(words) <= self.entry["ngrams"]
        return is_long and all(len(word) >= shortest and word not in left_out for word in words)

    def _values(self, counts: str, chosen: str, idf: str) -> str:
        """Weigh the counts of some terms; 0 for one that is not there."""
        builder = self.builder
        times = builder.add("Cast", builder.add("Gather", counts, chosen), to=onnx.TensorProto.DOUBLE)
        match self.entry.get("counts", "times"):
            case "times":
                counted = times
            case "binary":
                counted = builder.add("Min", times, builder.constant(1.0))
            case "logarithm":
                zero, one = builder.constant(0.0), builder.constant(1.0)
                more = builder.add("Add", builder.add("Log", builder.add("Max", times, one)), one)
                counted = builder.add("Where", builder.add("Greater", times, zero), more, zero)
        return builder.add("Mul", counted, idf)

    def _length(self, values: str) -> str:
        builder, one = self.builder, self.builder.constant([1.0])
        match self.entry.get("norm", "l2"):
            case "none":
                return one
            case "l1":
                length = self._sum(builder.add("Abs", values), [0.0])
            case "l2":
                length = builder.add("Sqrt", self._sum(builder.add("Mul", values, values), [0.0]))
        return builder.add("Where", builder.add("Greater", length, builder.constant(0.0)), length, one)

    def _sums(self, outputs: Sequence[OutputEntry], values: str, found: str, length: str) -> str:
        builder = self.builder
        weights = np.array([output["weights"] or [0.0] for output in outputs]).T
        lines = builder.add("Unsqueeze", values, self._whole([1]))
        each = builder.add("Mul", lines, builder.add("Gather", builder.constant(weights), found))
        total = builder.add("Div", self._sum(each, [[0.0] * len(outputs)]), length)
        return builder.add("Add", builder.constant([output["default"] for output in outputs]), total)

    def _sum(self, values: str, start: npt.ArrayLike) -> str:
        """Add lines one after another from a start, as the compiled code does; a reduction adds in halves."""
        builder = self.builder
        running = builder.add(
            "CumSum", builder.add("Concat", builder.constant(start), values, axis=0), self._whole(0)
        )
        last = builder.add("Gather", running, self._whole([-1]), axis=0)
        return builder.add("Reshape", last, self._whole([-1]))

    def _whole(self, values: npt.ArrayLike) -> str:
        return self.builder.constant(values, np.int64)
