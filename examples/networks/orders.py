"""Make a table of orders, some of which are returned: `python orders.py [--rows 4000] [--seed 5]`.

What decides is not a sum: small sizes come back from one brand, expensive orders from new customers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

BRANDS = ("Alder", "Birch", "Cedar", "Elm")
SIZES = ("S", "M", "L", "XL")


def make_orders(rows: int, seed: int) -> pl.DataFrame:
    """Draw orders; every twelfth customer does not tell an age."""
    random = np.random.default_rng(seed)
    brand, size = random.choice(BRANDS, rows), random.choice(SIZES, rows)
    price, orders_before = random.lognormal(3.5, 0.6, rows), random.poisson(3, rows)
    age = random.normal(41, 12, rows).clip(18, 90)
    score = -1.6 + 2.4 * ((brand == "Birch") & (size == "S")) - 0.3 * (size == "L")
    score += 1.2 * ((price > 40) & (orders_before < 2)) + 0.8 * np.sin(age / 8)
    returned = random.random(rows) < 1 / (1 + np.exp(-score))
    told = random.random(rows) > 1 / 12
    return pl.DataFrame(
        {
            "brand": brand,
            "size": size,
            "price": price.round(2),
            "orders_before": orders_before,
            "age": [
                round(value) if is_told else None for value, is_told in zip(age.tolist(), told, strict=True)
            ],
            "returned": np.where(returned, "yes", "no"),
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("orders.parquet"))
    given = parser.parse_args()
    make_orders(given.rows, given.seed).write_parquet(given.out)
