"""TF-IDF in scikit-learn pipelines: terms of texts, read by the compiled core as the step reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry
from mlwright.features.document import TextEntry

MOST_WORDS = 3  # of a term that the compiled core reads
PATTERNS = (r"(?u)[^\W_]+", r"[^\W_]+")
"""Token patterns that are runs of letters and digits."""
SAMPLES, MOST_ALONE, LONGEST = 2_000, 1_000, 25
SEED = 7
BETWEEN = (" ", ", ", "! ", " -- ", "_", "\n")
STRANGE = ("\u2603", "x", "5", "Éa", "neverseenword", "naïve", "Ελλάδα", "привет", "日本")


@dataclass(frozen=True, eq=False)
class Texts:
    """The terms of a fitted vectorizer, by place, and the weight of each; one vectorizer is one object."""

    ngrams: int
    terms: tuple[str, ...]
    idf: tuple[float, ...]

    def entry(self, name: str, column: str) -> TextEntry:
        """Give the terms as a transform lists them."""
        terms, idf = list(self.terms), list(self.idf)
        return {"name": name, "column": column, "ngrams": self.ngrams, "terms": terms, "idf": idf}


NO_TEXTS = Texts(1, (), ())


def read_vectorizer(step: Any) -> Texts:
    """Read a fitted `TfidfVectorizer`.

    Raises `ModelUnsupported` for settings by which it would read other terms than the compiled core does.
    """
    name = type(step).__name__
    for is_wrong, what, instead in _refusals(step):
        if is_wrong:
            raise ModelUnsupported(f"a {name} {what}", hint=instead, step=name)
    order = sorted(step.vocabulary_, key=step.vocabulary_.get)
    idf = step.idf_.tolist() if step.use_idf else [1.0] * len(order)
    return Texts(step.ngram_range[1], tuple(order), tuple(float(value) for value in idf))


def _refusals(step: Any) -> list[tuple[bool, str, str]]:
    runs = f'set token_pattern=r"{PATTERNS[0]}" and fit again: one letter is a word, "_" is none'
    plain = "leave it out and fit again"
    has_code = any(getattr(step, name) is not None for name in ("tokenizer", "preprocessor"))
    first, last = step.ngram_range
    return [
        (has_code or step.analyzer != "word", "takes texts apart by code or by letters", plain),
        (step.token_pattern not in PATTERNS, f"takes {step.token_pattern!r} for words", runs),
        (step.strip_accents is not None, "strips accents", plain),
        (not step.lowercase, "tells capital letters from small ones", "set lowercase=True and fit again"),
        (step.input != "content", "reads files", 'set input="content" and fit again'),
        (
            first != 1 or last > MOST_WORDS,
            f"has terms of {first} to {last} words",
            "set ngram_range to (1, 2)",
        ),
        (step.stop_words is not None and last > 1, "leaves words out between others", plain),
        (step.norm != "l2", f"has the norm {step.norm!r}", 'set norm="l2" and fit again'),
        (step.sublinear_tf or step.binary, "counts words otherwise", "set sublinear_tf and binary to False"),
    ]


def sample_texts(texts: Sequence[Texts]) -> list[str]:
    """Make texts of the terms of a column and of others, for a check to ask."""
    generator = np.random.default_rng(SEED)
    terms = list(dict.fromkeys(term for text in texts for term in text.terms))
    made = dict.fromkeys(["", " ", "!!!", *STRANGE, *terms[:MOST_ALONE]])
    pool = [*terms, *STRANGE]
    for _ in range(SAMPLES):
        words = [pool[place] for place in generator.integers(0, len(pool), generator.integers(1, LONGEST))]
        words = [word.upper() if generator.random() < 0.1 and word.isascii() else word for word in words]
        made["".join(f"{word}{BETWEEN[generator.integers(0, len(BETWEEN))]}" for word in words)] = None
    return list(made)


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
