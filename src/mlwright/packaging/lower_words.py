"""A text as the codes of its characters, the words that count between separators: ONNX nodes for one text.

Standard operators cannot take a text apart: `Tokenizer` of ONNX Runtime's own gives its characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from mlwright.features.document import TextReading
from mlwright.packaging.character_codes import (
    DOTTED,
    NEVER,
    SEPARATOR,
    SIGMA,
    SMALL_SIGMAS,
    CharacterCodes,
    cased_characters,
)
from mlwright.packaging.graph_builder import RUNTIME_DOMAIN, TREE_DOMAIN, GraphBuilder

FILLER = -2  # beyond the end of a word
PASSED, CASED, UNCASED = 0, 1, 2


@dataclass(frozen=True)
class WordReader:
    """Reads texts as a package does; `known` are the codes of its terms and of the words left out."""

    builder: GraphBuilder
    reading: TextReading
    known: CharacterCodes

    @property
    def _left_out(self) -> list[str]:
        return list(dict.fromkeys(self.reading.get("stop_words", ())))

    def codes(self, text: str) -> str:
        """Give the codes of a text `[1]` as `[codes]`, separators at both ends."""
        builder = self.builder
        characters = builder.add(
            "Tokenizer",
            text,
            domain=RUNTIME_DOMAIN,
            mark=0,
            pad_value="",
            separators=[""],
            mincharnum=1,
        )
        characters = builder.add("Squeeze", characters, self._whole([0]))
        is_letter = builder.add("RegexFullMatch", characters, pattern=self.known.letters)
        code = builder.add(
            "Max", self._encode(characters, self.known.of_texts, SEPARATOR), self._cast(is_letter)
        )
        codes = self._between(code, SEPARATOR)
        if self.known.has_sigmas:
            codes = self._read_sigmas(characters, codes)
        if self.known.dotted:
            codes = self._read_dotted(codes, self.known.dotted)
        return self._bring_together(codes) if self.reading["ngrams"] > 1 else codes

    def _read_sigmas(self, characters: str, codes: str) -> str:
        """Read the capital as the end of a word where a letter with case is before it, and none after it."""
        builder = self.builder
        cased, passed = cased_characters()
        kinds = {**dict.fromkeys(cased, CASED), **dict.fromkeys(passed, PASSED)}
        kind = self._between(self._encode(characters, kinds, UNCASED), UNCASED)
        is_seen = builder.add("Not", builder.add("Equal", kind, self._whole(PASSED)))
        seen = builder.add("Compress", kind, is_seen, axis=0)
        rank = builder.add("CumSum", self._cast(is_seen), self._whole(0))  # from 1, of those that are seen
        before = builder.add("Gather", seen, builder.add("Max", self._sub(rank, 2), self._whole(0)))
        last = self._sub(builder.add("Size", seen), 1)
        after = builder.add("Gather", seen, builder.add("Min", rank, last))
        is_before = builder.add("Equal", before, self._whole(CASED))
        is_after = builder.add("Equal", after, self._whole(CASED))
        is_end = builder.add("And", is_before, builder.add("Not", is_after))
        middle, end = (self._whole(self.known.of_terms[sigma]) for sigma in SMALL_SIGMAS)
        small = builder.add("Where", is_end, end, middle)
        is_sigma = builder.add("Equal", codes, self._whole(self.known.of_texts[SIGMA]))
        return builder.add("Where", is_sigma, small, codes)

    def _read_dotted(self, codes: str, read_as: tuple[int, int]) -> str:
        """Put two codes for the one capital that becomes two characters."""
        builder, (first, second) = self.builder, map(self._whole, read_as)
        is_dotted = builder.add("Equal", codes, self._whole(self.known.of_texts[DOTTED]))
        lines = [
            builder.add("Unsqueeze", builder.add("Where", is_dotted, this, other), self._whole([1]))
            for this, other in ((first, codes), (second, self._whole(NEVER)))
        ]
        both = builder.add("Reshape", builder.add("Concat", *lines, axis=1), self._whole([-1]))
        is_there = builder.add("Not", builder.add("Equal", both, self._whole(NEVER)))
        return builder.add("Compress", both, is_there, axis=0)

    def _bring_together(self, codes: str) -> str:
        """Leave out words that are too short, the empty ones too, and stop words, each with a separator."""
        builder = self.builder
        is_edge = builder.add("Equal", codes, self._whole(SEPARATOR))
        edges = builder.add("Squeeze", builder.add("NonZero", is_edge), self._whole([0]))
        starts, ends = self._cut(edges, 0, -1), self._cut(edges, 1, None)
        letters = self._sub(builder.add("Sub", ends, starts), 1)
        is_kept = builder.add("GreaterOrEqual", letters, self._whole(self.reading.get("shortest", 1)))
        if self._left_out:
            is_kept = builder.add("And", is_kept, self._is_taken(codes, starts, letters))
        word = self._sub(builder.add("CumSum", self._cast(self._cut(is_edge, 0, -1)), self._whole(0)), 1)
        kept = builder.add("Compress", self._cut(codes, 0, -1), builder.add("Gather", is_kept, word), axis=0)
        return builder.add("Concat", kept, self._whole([SEPARATOR]), axis=0)

    def _is_taken(self, codes: str, starts: str, letters: str) -> str:
        """Tell of each word whether it is no stop word: words as lines, counted like terms."""
        builder = self.builder
        width = max(map(len, self._left_out)) + 2
        column = self._whole([np.arange(width)])
        place = builder.add("Add", builder.add("Unsqueeze", starts, self._whole([1])), column)
        last = self._sub(builder.add("Size", codes), 1)
        lines = builder.add("Gather", codes, builder.add("Min", place, last))
        end = builder.add("Add", builder.add("Unsqueeze", letters, self._whole([1])), self._whole(1))
        is_inside = builder.add("LessOrEqual", column, end)
        words = builder.add("Where", is_inside, lines, self._whole(FILLER))
        runs = [self.known.spell(word) for word in self._left_out]
        count = builder.add("Squeeze", count_runs(builder, words, runs, [0] * len(runs)), self._whole([1]))
        return builder.add("Equal", count, builder.constant(0.0, np.float32))

    def _encode(self, characters: str, codes: Mapping[str, int], rest: int) -> str:
        return self.builder.add(
            "LabelEncoder",
            characters,
            domain=TREE_DOMAIN,
            keys_strings=list(codes),
            values_int64s=list(codes.values()),
            default_int64=rest,
        )

    def _between(self, codes: str, end: int) -> str:
        edge = self._whole([end])
        return self.builder.add("Concat", edge, codes, edge, axis=0)

    def _cut(self, values: str, start: int, end: int | None) -> str:
        stop = self._whole([np.iinfo(np.int64).max if end is None else end])
        return self.builder.add("Slice", values, self._whole([start]), stop)

    def _sub(self, values: str, less: int) -> str:
        return self.builder.add("Sub", values, self._whole(less))

    def _cast(self, mark: str) -> str:
        return self.builder.add("Cast", mark, to=onnx.TensorProto.INT64)

    def _whole(self, values: npt.ArrayLike) -> str:
        return self.builder.constant(values, np.int64)


def count_runs(builder: GraphBuilder, codes: str, runs: Sequence[list[int]], places: Sequence[int]) -> str:
    """Count runs of codes; each adds to its place."""
    lengths = np.array([len(run) for run in runs])
    order = np.argsort(lengths, kind="stable").tolist()
    longest = int(lengths.max())
    return builder.add(
        "TfIdfVectorizer",
        codes,
        mode="TF",
        min_gram_length=1,
        max_gram_length=longest,
        max_skip_count=0,
        pool_int64s=[code for run in order for code in runs[run]],
        ngram_counts=[int(lengths[lengths < size].sum()) for size in range(1, longest + 1)],
        ngram_indexes=[places[run] for run in order],
    )
