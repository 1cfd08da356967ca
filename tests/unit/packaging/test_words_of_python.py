"""Texts of every character that Python knows: the compiled core reads the terms that scikit-learn reads."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from mlwright.data import Column
from mlwright.features import OutputEntry, apply_transform, make_document
from mlwright.packaging.pipeline_texts import read_vectorizer, sum_output, term_output

SAID = [Column("said", "string")]
NO_CHARACTERS = ("Cn", "Co", "Cs")  # not assigned, of private use, halves of others
MOVED = {"\u0295", "\U0001171e"}
"""Unicode 15 to 17 changed whether a Σ beside these ends a word; the core reads them as newer Pythons do."""
CHARACTERS = [
    character
    for character in map(chr, range(0x110000))
    if unicodedata.category(character) not in NO_CHARACTERS
]
ODD = [
    *(
        "a",
        "B",
        "i",
        "_",
        "7",
        "1",
        " ",
        "  ",
        ".",
        "-",
        "'",
        "ß",
        "ẞ",
        "İ",
        "ı",
        "I",
        "Σ",
        "σ",
        "ς",
        "ﬁ",
        "Ǆ",
    ),
    *(
        "\u0301",
        "\u0307",
        "\u0345",
        "\u200d",
        "\u00ad",
        "\ufe0f",
        "\u093f",
        "\u0e31",
        "क",
        "ไ",
        "日",
        "한",
        "々",
    ),
    *(
        "٣",
        "७",
        "²",
        "½",
        "Ⅷ",
        "ⅷ",
        "Ⓐ",
        "ⓐ",
        "🅰",
        "\U0001f600",
        "\U00010400",
        "\U0001d400",
        "ª",
        "\n",
        "\u3000",
    ),
]


def values_of(reader: CountVectorizer, texts: list[str]) -> np.ndarray:
    """Give what the compiled core makes of texts: a column for each term."""
    read = read_vectorizer(reader)
    outputs = [term_output(f"t{place}", "said", "texts", term) for place, term in enumerate(read.terms)]
    return computed(reader, texts, outputs)


def computed(reader: CountVectorizer, texts: list[str], outputs: list[OutputEntry]) -> np.ndarray:
    document = make_document(SAID, outputs)
    document["texts"] = [read_vectorizer(reader).entry("texts", "said")]
    return np.asarray(apply_transform(document, pl.DataFrame({"said": texts}), SAID))


@pytest.mark.promise("import.words")
@pytest.mark.parametrize(
    "settings",
    [{}, {"token_pattern": r"[^\W_]+"}, {"token_pattern": r"\w+"}, {"lowercase": False}],
    ids=["as it is", "alphanumeric", "word", "capitals"],
)
def test_every_character_is_in_a_word_or_beside_one_as_in_python(settings: dict[str, Any]) -> None:
    texts = [f"x{character}y {character}0 A{character}" for character in CHARACTERS]
    reader = CountVectorizer(**settings)
    wanted = reader.fit_transform(texts)
    weights = np.random.default_rng(1).random(wanted.shape[1])
    assert len(weights) > len(texts)
    found = computed(reader, texts, [sum_output("sum", "said", "texts", weights.tolist())])
    assert np.allclose(found[:, 0], wanted @ weights, rtol=0, atol=1e-12)


@pytest.mark.promise("import.words")
def test_the_last_sigma_of_a_word_is_known_by_every_character_around_it() -> None:
    texts = [
        f"A{character}Σ. AΣ{character} AΣ{character}A. {character}Σ"
        for character in CHARACTERS
        if character not in MOVED
    ]
    reader = CountVectorizer()
    wanted = reader.fit_transform(texts)
    weights = np.random.default_rng(2).random(wanted.shape[1])
    found = computed(reader, texts, [sum_output("sum", "said", "texts", weights.tolist())])
    assert np.allclose(found[:, 0], wanted @ weights, rtol=0, atol=1e-12)


@pytest.mark.promise("import.words")
@pytest.mark.parametrize("seed", range(60))
def test_any_settings_read_any_text_as_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(ODD, rng.integers(1, 40))) for _ in range(150)]
    first = int(rng.integers(1, 4))
    words = [word for text in texts for word in text.split()]
    left_out = [str(word) for word in rng.choice(words, 12)] + ["a", "i", "σς", "B"]
    patterns = [r"(?u)\b\w\w+\b", r"\w+", r"[^\W_]+", r"\b\w{3,}\b", r"\w\w\w+"]
    settings: dict[str, Any] = {
        "token_pattern": str(rng.choice(patterns)),
        "lowercase": bool(rng.random() < 0.7),
        "ngram_range": (first, int(rng.integers(first, 4))),
        "stop_words": left_out if rng.random() < 0.5 else None,
        "binary": bool(rng.random() < 0.3),
    }
    weighed = {
        "norm": [None, "l1", "l2"][rng.integers(3)],
        "use_idf": bool(rng.random() < 0.5),
        "sublinear_tf": bool(rng.random() < 0.5),
    }
    reader = TfidfVectorizer(**settings, **weighed) if rng.random() < 0.7 else CountVectorizer(**settings)
    reader.fit(texts[:100])
    asked = [*texts, "", "_", "Σ"]
    assert np.allclose(values_of(reader, asked), reader.transform(asked).toarray(), rtol=1e-14, atol=0)
