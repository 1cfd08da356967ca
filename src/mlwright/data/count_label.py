"""Tell a label that counts something from one that measures, ranks or names."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from mlwright.data.column_type import convert

COUNT_WORDS = frozenset(
    [
        "count",
        "counts",
        "cnt",
        "visits",
        "claims",
        "orders",
        "events",
        "calls",
        "clicks",
        "purchases",
        "accidents",
        "incidents",
        "errors",
        "failures",
        "goals",
        "crashes",
        "admissions",
        "arrivals",
        "tickets",
        "rentals",
        "trips",
        "sold",
        "units",
        "bookings",
        "downloads",
        "views",
    ]
)
MEASURE_WORDS = frozenset(
    [
        "price",
        "amount",
        "cost",
        "salary",
        "income",
        "revenue",
        "usd",
        "eur",
        "gbp",
        "charge",
        "charges",
        "balance",
        "age",
        "score",
        "rating",
        "grade",
        "level",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "minutes",
        "second",
        "seconds",
        "ms",
        "duration",
        "delay",
        "time",
        "distance",
        "size",
        "weight",
        "height",
        "class",
        "code",
        "id",
        "rank",
        "label",
        "category",
        "type",
    ]
)
LEAST_SKEW = 0.3  # a Poisson law of mean 11 has it; what is symmetric needs no law of its own
FEWEST_VALUES = 4


def looks_like_count(label: pl.Series, *, may_be_class: bool) -> bool:
    """Answer whether whole numbers from 0 or 1 up, few high ones among them, count something.

    Few different values may be classes as well: then the name has to say that they are counted; `num` does
    not, by which the best known table on hearts names its classes.

    >>> looks_like_count(pl.Series("visits", [0, 0, 0, 1, 1, 2, 3, 7]), may_be_class=True)
    True
    >>> looks_like_count(pl.Series("price", [0, 0, 0, 1, 1, 2, 3, 7]), may_be_class=False)
    False
    """
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", label.name).lower()))
    is_named = bool(words & COUNT_WORDS)
    if words & MEASURE_WORDS or (may_be_class and not is_named):
        return False
    values = convert(label, "number").drop_nulls()
    numbers = values.filter(values.is_finite()).to_numpy()
    if not len(numbers) or numbers.min() not in (0, 1) or (numbers != np.floor(numbers)).any():
        return False
    if len(np.unique(numbers)) < FEWEST_VALUES:
        return False
    spread = float(numbers.std())
    return bool(np.mean(((numbers - numbers.mean()) / spread) ** 3) > LEAST_SKEW)
