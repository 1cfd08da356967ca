"""Outputs of sentences: a score by ridge regression on TF-IDF of their terms, and the terms that tell most.

The compiled core reads the terms, here and where it serves. Scores of training rows are out of fold: each
comes from weights that were fitted on other texts, so a score of noise does not look like knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from mlwright import native
from mlwright.data import Column, is_free_text
from mlwright.features.document import OutputEntry, TextEntry
from mlwright.features.fitted import Output, TrainingRows
from mlwright.features.numeric import spread_of
from mlwright.features.target_statistic import Floats

MOST_TEXTS = 20_000  # different ones that are learned from
MOST_TERMS = 5_000
FEWEST_TEXTS = 3  # that a term is in
LONGEST = 2  # words in a term
PARTS = 4
PENALTY = 6.0  # better than 2 or 20 on generated texts of few and of many weak words
SEEN_ROWS = 3_000  # that tell whether a column holds sentences
TOLD_TERMS = 64  # that a tree reads one by one


@dataclass(frozen=True)
class Sentences:
    """What was learned of a column: its terms, and for each target weights, a shift and scores of the rows.

    A score is NaN where the row's text was not learned from.
    """

    entry: TextEntry
    suffixes: Sequence[str]
    weights: Floats
    shifts: Floats
    scores: Floats
    squares: Floats

    def score_outputs(self, *, is_scaled: bool) -> list[Output]:
        """Give a score for each target."""
        name = self.entry["column"]
        made = []
        for place, suffix in enumerate(self.suffixes):
            scores, weights, shift = self.scores[:, place], self.weights[:, place], self.shifts[place]
            ending = ""
            if is_scaled:
                known = scores[np.isfinite(scores)]
                center, spread = known.mean(), spread_of(known)
                scores, weights, shift = (
                    (scores - center) / spread,
                    weights / spread,
                    (shift - center) / spread,
                )
                ending = "|scaled"
            entry: OutputEntry = {
                "name": f"{name}~{suffix}{ending}",
                "op": "text",
                "column": name,
                "text": self.entry["name"],
                "weights": weights.tolist(),
                "default": float(shift),
            }
            made.append(Output(entry, scores))
        return made

    def term_outputs(self, most: int) -> list[Output]:
        """Give the terms that move the scores most."""
        name, terms = self.entry["column"], self.entry["terms"]
        moved = np.sqrt(self.squares) * np.abs(self.weights).max(axis=1)
        chosen = sorted(np.argsort(-moved, kind="stable")[:most].tolist())
        made: list[OutputEntry] = [
            {
                "name": f"{name}:{terms[place]}",
                "op": "term",
                "column": name,
                "text": self.entry["name"],
                "term": terms[place],
            }
            for place in chosen
        ]
        return [Output(entry) for entry in made]


Memory: TypeAlias = dict[str, Sentences | None]
"""What was learned of columns of one set of rows, None where a column holds no sentences."""


def learn_all(
    inputs: Sequence[Column], rows: TrainingRows, memory: Memory | None = None
) -> dict[str, Sentences]:
    """Learn the columns that hold sentences, but for what is remembered; `memory` is for equal rows only."""
    known = {} if memory is None else memory
    for column in inputs:
        if column.type == "string" and column.name not in known:
            is_text = is_free_text(rows.frame[column.name].drop_nulls().head(SEEN_ROWS))
            known[column.name] = learn_sentences(column.name, rows) if is_text else None
    return {name: learned for name, learned in known.items() if learned is not None}


def learn_sentences(name: str, rows: TrainingRows) -> Sentences | None:
    """Learn terms and weights of a column; None where no term comes again."""
    values = rows.frame[name].cast(pl.String)
    texts = values.drop_nulls().unique(maintain_order=True)
    generator = np.random.default_rng(rows.seed)
    if len(texts) > MOST_TEXTS:
        texts = texts.gather(np.sort(generator.permutation(len(texts))[:MOST_TEXTS]))
    codes = values.replace_strict(
        texts, pl.Series(range(len(texts)), dtype=pl.Int64), default=-1, return_dtype=pl.Int64
    )
    coded = codes.fill_null(-1).to_numpy()
    known = coded >= 0
    means = np.array([target.mean() for _, target in rows.targets])
    sums = [
        np.bincount(coded[known], weights=target[known] - mean, minlength=len(texts))
        for (_, target), mean in zip(rows.targets, means, strict=True)
    ]
    terms, idf, squares, weights, shifts, scores = native.fit_text(
        texts.to_list(),
        np.bincount(coded[known], minlength=len(texts)).astype(np.float64),
        np.ascontiguousarray(np.column_stack(sums)),
        generator.integers(0, PARTS, len(texts)).astype(np.uint32),
        LONGEST,
        FEWEST_TEXTS,
        MOST_TERMS,
        PENALTY,
    )
    if not terms:
        return None
    entry: TextEntry = {"name": name, "column": name, "ngrams": LONGEST, "terms": terms, "idf": idf.tolist()}
    by_row = np.where(known[:, None], scores[coded], np.nan)
    suffixes = [suffix.replace("mean", "text") for suffix, _ in rows.targets]
    return Sentences(entry, suffixes, weights, shifts + means, by_row + means, squares)
