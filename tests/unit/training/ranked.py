"""Lists of rows with a known order."""

from __future__ import annotations

import numpy as np
import polars as pl


def lists_of(count: int, *, seed: int, differ: float = 1.5, is_null: bool = False) -> pl.DataFrame:
    """Give searches with graded rows; `differ` is how much lists differ by what no column tells."""
    rng = np.random.default_rng(seed)
    search = np.repeat(np.arange(count), rng.integers(4, 20, count))
    rows = len(search)
    x, brand = rng.normal(size=(rows, 3)), rng.choice(list("abcd"), rows)
    worth = np.sin(2 * x[:, 0]) + 0.7 * x[:, 1] * x[:, 2] + 0.8 * (brand == "a")
    worth = worth + (differ * rng.normal(size=count))[search] + 0.4 * rng.normal(size=rows)
    grade = np.searchsorted([0.3, 1.2, 2.0], worth)
    table = pl.DataFrame(
        {
            "search": [f"{seed}-{number}" for number in search],
            **{f"x{number}": x[:, number] for number in range(3)},
            "brand": brand,
            "relevance": rng.permutation(grade) if is_null else grade,
        }
    )
    return table[rng.permutation(rows)]
