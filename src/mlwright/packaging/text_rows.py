"""Texts for a check to ask: terms of a package among others, and every character once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np

from mlwright.features.document import TextEntry
from mlwright.packaging.character_codes import every_character

SAMPLES, MOST_ALONE, LONGEST = 2_000, 1_000, 25
WORDS_OF_LONG = 20_000
PIECES = 256  # in a text of characters
SEED = 7
BETWEEN = (" ", ", ", "! ", " -- ", "_", "\n", "\u0301 ")
STRANGE = (
    *("\u2603", "x", "5", "Éa", "neverseenword", "naïve", "Ελλάδα", "привет", "日本", "a_b", "__"),
    *("ΟΔΟΣ", "ΣΑΣ.Σ", "İstanbul", "Straße", "ﬁne", "हिन्दी", "ไทยดี", "٣٤", "Ⓐ1", "²x", "e\u0301a"),
)


def sample_texts(entries: Sequence[TextEntry]) -> list[str]:
    """Make texts of the terms of a column and of others."""
    generator = np.random.default_rng(SEED)
    terms = list(dict.fromkeys(term for entry in entries for term in entry["terms"]))
    left_out = list(dict.fromkeys(word for entry in entries for word in entry.get("stop_words", ())))
    made = dict.fromkeys(["", " ", "!!!", *STRANGE, *terms[:MOST_ALONE]])
    pool = [*terms, *left_out, *STRANGE]
    for _ in range(SAMPLES):
        words = [pool[place] for place in generator.integers(0, len(pool), generator.integers(1, LONGEST))]
        words = [word.upper() if generator.random() < 0.1 else word for word in words]
        made["".join(f"{word}{BETWEEN[generator.integers(0, len(BETWEEN))]}" for word in words)] = None
    return list(made)


def edge_texts(entries: Sequence[TextEntry]) -> list[str]:
    """Make a very long text, and texts in which every character comes once.

    A capital stands in a word instead of its small letter, anything else between two words.
    """
    words = [word for entry in entries for term in entry["terms"] for word in term.split()] or ["a"]
    by_letter = {letter: word for word in words for letter in word}
    around, pieces = cycle(words), []
    for character in every_character():
        small = character.lower()
        if small in by_letter:
            pieces.append(by_letter[small].replace(small, character))
        else:
            pieces.append(f"{next(around)}{character}{next(around)}")
    texts = (" ".join(pieces[start : start + PIECES]) for start in range(0, len(pieces), PIECES))
    return [" ".join(islice(cycle(words), WORDS_OF_LONG)), *texts]
