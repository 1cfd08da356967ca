"""Make a table of reviews, recommended or not: `python reviews.py [--rows 3000] [--seed 5]`.

A word can mean both ("not bad", "not good"), so pairs of words tell more than words.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

THINGS = ("dress", "sweater", "coat", "shirt", "skirt", "pair of jeans")
PRAISE = ("fits well", "looks lovely", "feels soft", "is not bad at all", "was worth the price")
BLAME = ("runs small", "looks cheap", "feels rough", "is not good at all", "was not worth the price")
FILLER = ("I ordered it for my sister", "it came within a week", "the colour is blue", "I am 1.70 m tall")


def make_reviews(rows: int, seed: int) -> pl.DataFrame:
    """Draw reviews of three or four sentences; one in ten recommends against its words."""
    random = np.random.default_rng(seed)
    texts, recommended = [], []
    for _ in range(rows):
        is_praise = bool(random.random() < 0.6)
        words = [
            str(random.choice(PRAISE if (random.random() < 0.8) == is_praise else BLAME)) for _ in range(2)
        ]
        words += [str(random.choice(FILLER)) for _ in range(int(random.integers(1, 3)))]
        thing = str(random.choice(THINGS))
        texts.append(f"This {thing} {words[0]}. It {words[1]}, and {', '.join(words[2:])}.")
        recommended.append("yes" if is_praise == (random.random() < 0.9) else "no")
    stars = [
        int(random.integers(2, 6)) if word == "yes" else int(random.integers(1, 5)) for word in recommended
    ]
    return pl.DataFrame({"review": texts, "stars": stars, "recommended": recommended})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("reviews.parquet"))
    given = parser.parse_args()
    make_reviews(given.rows, given.seed).write_parquet(given.out)
