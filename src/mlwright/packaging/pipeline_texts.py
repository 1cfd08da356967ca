"""Vectorizers in scikit-learn pipelines: terms of texts, read by the compiled core as the step reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry
from mlwright.features.document import Counts, Norm, TextEntry, TextReading

MOST_WORDS = 3  # of a term that the compiled core reads
WORD = re.compile(r"(\(\?u\))?(?P<edge>\\b)?(?P<before>(\\w)*)\\w(\+|\{(?P<least>[1-9]\d*),\})(?(edge)\\b)")
r"""Token patterns that are runs of so many word characters and more: `\b\w\w+\b`, `\w+`, `\b\w{3,}\b`."""
ALPHANUMERIC = (r"(?u)[^\W_]+", r"[^\W_]+")
"""Token patterns that are runs of letters and digits."""
NARROWEST = 4  # bytes of a number that holds every count of words


@dataclass(frozen=True, eq=False)
class Texts:
    """The terms of a fitted vectorizer, by place, and the weight of each; one vectorizer is one object."""

    reading: TextReading
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    counts: Counts
    norm: Norm

    @property
    def are_counted(self) -> bool:
        """Tell whether the values are counts as they are."""
        return self.norm == "none" and set(self.idf) <= {1.0} and self.counts != "logarithm"

    def entry(self, name: str, column: str) -> TextEntry:
        """Give the terms as a transform lists them."""
        return {
            **self.reading,
            "name": name,
            "column": column,
            "terms": list(self.terms),
            "idf": list(self.idf),
            "counts": self.counts,
            "norm": self.norm,
        }


NO_TEXTS = Texts({"ngrams": 1}, (), (), "times", "none")


def read_vectorizer(step: Any) -> Texts:
    """Read a fitted `CountVectorizer` or `TfidfVectorizer`.

    Raises `ModelUnsupported` for settings by which it would read other terms than the compiled core does.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    name = type(step).__name__
    for is_wrong, what, instead in _refusals(step):
        if is_wrong:
            raise ModelUnsupported(f"a {name} {what}", hint=instead, step=name)
    first, last = step.ngram_range
    reading: TextReading = {
        "ngrams": int(last),
        "ngrams_from": int(first),
        "characters": "alphanumeric" if step.token_pattern in ALPHANUMERIC else "word",
        "lowercase": bool(step.lowercase),
        "shortest": _shortest(step.token_pattern) or 1,
        "stop_words": sorted(step.get_stop_words() or ()),
    }
    order = sorted(step.vocabulary_, key=step.vocabulary_.get)
    counted = Texts(reading, tuple(order), (1.0,) * len(order), "binary" if step.binary else "times", "none")
    return weigh(counted, step, range(len(order))) if isinstance(step, TfidfVectorizer) else counted


def weigh(counted: Texts, step: Any, places: Sequence[int]) -> Texts:
    """Weigh the terms at some places as a `TfidfTransformer` does that was fitted on their counts."""
    idf = step.idf_.tolist() if step.use_idf else [1.0] * len(places)
    return replace(
        counted,
        terms=tuple(counted.terms[place] for place in places),
        idf=tuple(float(value) for value in idf),
        counts="logarithm" if step.sublinear_tf and counted.counts == "times" else counted.counts,
        norm=step.norm or "none",
    )


def _shortest(pattern: str) -> int | None:
    r"""Count the characters of the shortest word of a token pattern; None for a pattern that is not known.

    >>> [_shortest(pattern) for pattern in (r"(?u)\b\w\w+\b", r"\w+", r"\b\w{3,}\b", r"\w+\b", r"\S+")]
    [2, 1, 3, None, None]
    """
    found = WORD.fullmatch(pattern)
    return found and len(found["before"]) // len(r"\w") + int(found["least"] or 1)


def _refusals(step: Any) -> list[tuple[bool, str, str]]:
    plain = "leave it out and fit again"
    if not hasattr(step, "vocabulary_"):
        return [(True, "keeps hashes of words only", "use a TfidfVectorizer, or a CountVectorizer")]
    has_code = any(getattr(step, name) is not None for name in ("tokenizer", "preprocessor"))
    pattern, (first, last) = step.token_pattern, step.ngram_range
    return [
        (has_code or step.analyzer != "word", "takes texts apart by code or by letters", plain),
        (
            not has_code and pattern not in ALPHANUMERIC and _shortest(pattern) is None,
            f"takes {pattern!r} for words",
            r'leave token_pattern out (or set r"(?u)\b\w+\b") and fit again',
        ),
        (step.strip_accents is not None, "strips accents", plain),
        (step.input != "content", "reads files", 'set input="content" and fit again'),
        (
            first < 1 or last > MOST_WORDS,
            f"has terms of {first} to {last} words",
            "set ngram_range to (1, 2)",
        ),
        (
            np.dtype(step.dtype).itemsize < NARROWEST,
            f"counts in {np.dtype(step.dtype).name}, which holds few numbers",
            "leave dtype out and fit again",
        ),
    ]


def sum_output(name: str, column: str, text: str, weights: Sequence[float]) -> OutputEntry:
    """Give a weighted sum of the terms of a column."""
    return {
        "name": name,
        "op": "text",
        "column": column,
        "text": text,
        "weights": list(weights),
        "default": 0.0,
    }


def term_output(name: str, column: str, text: str, term: str) -> OutputEntry:
    """Give the value of one term."""
    return {"name": name, "op": "term", "column": column, "text": text, "term": term}
