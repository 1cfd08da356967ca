"""Tell sentences that people wrote from names and codes."""

from __future__ import annotations

import polars as pl

FEWEST_WORDS = 4.0  # on average in a value
MOST_ROWS = 10_000
LEAST_DISTINCT = 0.1  # share of the values; fewer are names of several words


def is_free_text(values: pl.Series) -> bool:
    """Answer whether a text column holds sentences rather than names, codes or categories.

    >>> import polars as pl
    >>> is_free_text(pl.Series(["it works very well", "broke after two days"]))
    True
    >>> is_free_text(pl.Series(["Rue de la Paix 4", "A-17"]))
    False
    """
    given = values.drop_nulls().head(MOST_ROWS)
    if values.dtype != pl.String or not len(given):
        return False
    words = given.str.count_matches(r"\p{L}+").mean()
    is_wordy = isinstance(words, float) and words >= FEWEST_WORDS
    return is_wordy and given.n_unique() >= LEAST_DISTINCT * len(given)
