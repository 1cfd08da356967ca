"""Terms of texts are counted by a graph as the compiled core counts them, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import polars as pl
import pytest
from onnx import helper

from mlwright.data import Column
from mlwright.features import apply_transform
from mlwright.features.document import OutputEntry, TextEntry
from mlwright.packaging.character_codes import every_character
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.graph_run import open_session
from mlwright.packaging.lower_text import lower_text
from mlwright.packaging.text_rows import STRANGE, edge_texts

Floats = npt.NDArray[np.float64]
SAID = [Column("said", "string")]
TERMS = [
    *(
        "good",
        "not good",
        "so not good",
        "a",
        "i",
        "it",
        "i\u0307t",
        "i\u0307",
        "größe",
        "straße",
        "日本",
        "हिन",
    ),
    *("οδος", "οδοσ", "ΟΔΟΣ", "σ", "ς", "a_b", "a b", "_", "size_7", "7", "c", "good c", "Good", "İt", "éa"),
    *("a  b", " a", "", " ", "a-b", "the good", "b", "k", "it it", "good a b", "not", "x" * 70),
]
BETWEEN = (
    " ",
    "  ",
    ", ",
    "",
    "_",
    "-",
    "\n",
    "\0",
    "'",
    ".",
    "\u0301",
    "\u0307",
    "\u0345",
    "Ⓐ",
    "\U0001f600",
)


def odd_texts(rows: int = 600) -> list[str]:
    """Texts of terms, capitals and strangers, between which is all that parts words or seems to."""
    rng = np.random.default_rng(4)
    words = [*TERMS, *STRANGE, *"IİΣσςAaKk\u212aﬁß", "ΟΔΟΣ", "The", "GOOD", "NOT", "ΣΑΣ", "the"]
    made = ["", " ", "--", "\0", "İ", "Σ", "AΣ", "AΣ'A", "AΣ' A", "A'Σ", "aİb", "İİ", "it" * 2_000]
    for _ in range(rows - len(made)):
        picked = [(rng.choice(words), rng.choice(BETWEEN)) for _ in range(rng.integers(1, 14))]
        made.append("".join(f"{word}{between}" for word, between in picked))
    return made


def outputs_of(terms: list[str]) -> list[OutputEntry]:
    """Two sums of all terms, and each term alone among them."""
    rng = np.random.default_rng(2)
    sums: list[OutputEntry] = [
        {
            "name": f"sum{place}",
            "op": "text",
            "column": "said",
            "text": "t",
            "weights": rng.normal(size=len(terms)).tolist(),
            "default": 0.25,
        }
        for place in range(2)
    ]
    alone: list[OutputEntry] = [
        {"name": term, "op": "term", "column": "said", "text": "t", "term": term} for term in terms
    ]
    return [sums[0], *alone, sums[1]]


def answers(reading: dict[str, Any], terms: list[str], texts: list[str]) -> tuple[Floats, Floats]:
    """Give what the compiled core answers, and what the graph does."""
    rng = np.random.default_rng(3)
    idf = rng.uniform(1, 5, len(terms)).tolist()
    entry: TextEntry = {"name": "t", "column": "said", "terms": terms, "idf": idf, **reading}  # type: ignore[typeddict-item]
    outputs = outputs_of(terms)
    wanted = apply_transform(
        {
            "format": 1,
            "inputs": [{"name": "said", "type": "string"}],
            "outputs": outputs,
            "texts": [entry],
        },
        pl.DataFrame({"said": texts}),
        SAID,
    )
    builder = GraphBuilder(["said"])
    found = lower_text(builder, "said", entry, outputs)
    model = builder.build(
        "texts",
        [helper.make_tensor_value_info("said", onnx.TensorProto.STRING, ["rows", 1])],
        [helper.make_tensor_value_info(found, onnx.TensorProto.DOUBLE, ["rows", len(outputs)])],
    )
    onnx.checker.check_model(model)
    session = open_session(model.SerializeToString())
    tensor = np.array(texts, dtype=object).reshape(-1, 1)
    [given] = session.run(None, {"said": tensor})
    for row in (0, len(texts) - 1):
        assert np.array_equal(session.run(None, {"said": tensor[row : row + 1]})[0], given[row : row + 1])
    assert session.run(None, {"said": tensor[:0]})[0].shape == (0, len(outputs))
    return wanted, given


READINGS: dict[str, dict[str, Any]] = {
    "as it is trained": {"ngrams": 2},
    "single words as they are trained": {"ngrams": 1},
    "its capitals": {"ngrams": 2, "lowercase": False},
    "its longer words": {"ngrams": 2, "shortest": 2},
    "as scikit-learn does": {"ngrams": 1, "characters": "word", "shortest": 2},
    "every word": {"ngrams": 1, "characters": "word"},
    "pairs and triples": {"ngrams": 3, "ngrams_from": 2, "characters": "word", "shortest": 2},
    "letters and digits": {"ngrams": 2, "characters": "alphanumeric"},
    "capitals": {"ngrams": 3, "characters": "word", "lowercase": False, "stop_words": ["The", "it"]},
    "words left out": {
        "ngrams": 3,
        "characters": "word",
        "stop_words": ["the", "c", "c", "not", "οδος", "don't", ""],
        "shortest": 1,
    },
    "long words left out": {"ngrams": 2, "characters": "alphanumeric", "stop_words": ["x" * 90, "it"]},
    "single words left out": {"ngrams": 1, "characters": "word", "stop_words": ["good"]},
    "there or not": {"ngrams": 2, "characters": "word", "counts": "binary", "norm": "l1"},
    "no length": {"ngrams": 2, "characters": "word", "norm": "none"},
}


@pytest.mark.promise("export.texts")
@pytest.mark.parametrize("case", READINGS)
def test_every_reading_gives_the_same_bits(case: str) -> None:
    wanted, given = answers(READINGS[case], TERMS, odd_texts())
    assert np.array_equal(wanted, given)
    told = (wanted[:, 1:-1] > 0).any(axis=0).sum()
    assert told >= 4  # of the terms are in texts


@pytest.mark.promise("export.texts")
def test_logarithms_of_counts_differ_by_their_last_bit_at_most() -> None:
    wanted, given = answers({"ngrams": 2, "characters": "word", "counts": "logarithm"}, TERMS, odd_texts())
    assert np.abs(wanted - given).max() < 1e-15 * max(1.0, np.abs(wanted).max())


@pytest.mark.promise("export.texts")
@pytest.mark.parametrize("reading", [{}, {"characters": "word"}, {"characters": "alphanumeric"}])
def test_every_character_is_the_letter_or_the_separator_that_it_is_to_the_package(
    reading: dict[str, Any],
) -> None:
    """Each in a term of its small letter or between two terms: a wrong one makes or breaks a term."""
    terms = [*dict.fromkeys(f"q{item.lower()}q" for item in every_character() if item.isalpha())][:3_000]
    entry: TextEntry = {"name": "t", "column": "said", "ngrams": 1, "terms": terms, "idf": []}
    texts = edge_texts([entry])
    assert sum(map(len, texts)) > 1_000_000
    wanted, given = answers({"ngrams": 1, **reading}, terms, texts)
    assert np.array_equal(wanted, given)
    assert (wanted[:, 1:-1] > 0).any(axis=0).mean() > 0.9


@pytest.mark.promise("export.texts")
def test_the_end_of_a_greek_word_is_where_the_package_finds_it_whatever_stands_around() -> None:
    every = every_character()
    around = [f"{item}'Σ A{item}'Σ AΣ{item}A AΣ'{item}'A" for item in every]
    texts = ["\n".join(around[start : start + 256]) for start in range(0, len(around), 256)]
    wanted, given = answers({"ngrams": 1, "characters": "word"}, ["ς", "σ", "aς", "aσ", "σa"], texts)
    assert np.array_equal(wanted, given)
    assert len(np.unique(wanted[:, 1])) > 20  # the word "ς" alone comes more and less often


@pytest.mark.promise("export.texts")
def test_a_list_without_terms_gives_what_no_term_gives() -> None:
    for reading in ({"ngrams": 2}, {"ngrams": 1, "characters": "word"}):
        wanted, given = answers(reading, [], ["", "good"])
        assert wanted.tolist() == given.tolist() == [[0.25, 0.25], [0.25, 0.25]]
