"""Guess what columns are for, each guess with its reason.

Names and values must agree: a column called `created_at` is a time only when it holds times. A guess that
would cost features on weak evidence is not made; a hint names the option instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mlwright.data.column import ColumnType
from mlwright.data.column_type import convert

TIME_WORDS = frozenset(
    [
        "time",
        "times",
        "ts",
        "timestamp",
        "date",
        "datetime",
        "day",
        "dteday",
        "hour",
        "at",
        "when",
        "moment",
        "created",
        "event",
        "occurred",
    ]
)
NO_TIME_WORDS = frozenset(  # moments that lie before or after the one to predict at
    [
        "birth",
        "dob",
        "born",
        "end",
        "ended",
        "until",
        "due",
        "deadline",
        "updated",
        "modified",
        "expiry",
        "expires",
        "expiration",
        "closed",
        "resolved",
        "returned",
        "dropoff",
        "arrival",
        "delivered",
        "delivery",
        "signup",
        "joined",
        "registered",
        "hired",
        "label",
        "labelled",
        "labeled",
        "outcome",
        "reported",
        "paid",
        "settled",
    ]
)
ORDER_NAMES = frozenset({"time", "ts", "timestamp", "step", "epoch", "seconds"})
UNIT_WORDS = frozenset(
    [
        "customer",
        "client",
        "user",
        "account",
        "member",
        "card",
        "cardholder",
        "household",
        "patient",
        "device",
        "subject",
        "person",
        "participant",
        "student",
        "employee",
        "speaker",
    ]
)
ONLY_KEY = (["id"], ["uuid"])  # what comes back under such a name is what rows belong to
KEY_WORDS = frozenset({"id", "ids", "no", "nr", "key", "number", "uuid", "code"})
WEIGHT_NAMES = frozenset(
    {"sample_weight", "case_weight", "survey_weight", "row_weight", "instance_weight", "observation_weight"}
)
MAYBE_WEIGHTS = frozenset({"weight", "weights", "wt", "wgt", "fnlwgt"})
LABEL_TIME_WORDS = frozenset(
    ["label", "labelled", "labeled", "outcome", "reported", "confirmed", "chargeback", "target"]
)
SENSITIVE_WORDS = frozenset(
    ["sex", "gender", "race", "ethnicity", "ethnic", "religion", "disability", "disabled", "pregnant"]
)
EPOCH_SECONDS = (978_307_200, 4_102_444_800)  # 2001 and 2100
EPOCH_UNITS = (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9))
FEWEST_GROUPS = 20
MOST_SENSITIVE_LEVELS = 20
MOST_NULL_TIMES = 0.05


@dataclass(frozen=True)
class Guess:
    """A column and why it was chosen."""

    column: str
    reason: str


def words_of(name: str) -> list[str]:
    """Give the words of a column's name in lower case.

    >>> words_of("customerId"), words_of("time_hour")
    (['customer', 'id'], ['time', 'hour'])
    """
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^0-9A-Za-z]+", parts.lower()) if word]


def guess_time(frame: pl.DataFrame, types: Mapping[str, ColumnType], taken: Sequence[str]) -> Guess | None:
    """Find the column that says when a row was known: its name says so, or rows are in its order."""
    times = [name for name, kind in types.items() if kind == "timestamp" and name not in taken]
    ranked: list[tuple[bool, bool, float, int, str]] = []
    for name in times:
        words = set(words_of(name))
        values = convert(frame[name], "timestamp")
        nulls = values.null_count() / len(values)
        if words & NO_TIME_WORDS or nulls > MOST_NULL_TIMES or values.n_unique() < 3:
            continue
        is_ordered = values.drop_nulls().is_sorted()
        if words & TIME_WORDS or is_ordered:
            ranked.append((not is_ordered, not words & TIME_WORDS, nulls, len(ranked), name))
    if ranked:
        unordered, unnamed, _, _, name = min(ranked)
        why = "rows are in its order" if unnamed else "it holds times and is named like one"
        return Guess(name, why if unnamed or unordered else f"{why}, and rows are in its order")
    for name, kind in types.items():
        if kind in {"integer", "number"} and name not in taken and name.lower() in ORDER_NAMES:
            values = frame[name]
            if not values.null_count() and values.n_unique() > 2 and values.is_sorted():
                return Guess(name, "it is named like a time, and rows are in its order")
    for name, kind in types.items():
        words = set(words_of(name))
        if kind == "integer" and name not in taken and words & TIME_WORDS and not words & NO_TIME_WORDS:
            unit = epoch_unit(frame[name])
            if unit is not None:
                return Guess(name, f"it is named like a time and counts {unit} since 1970")
    return None


def epoch_unit(values: pl.Series) -> str | None:
    """Tell what whole numbers count when they can be moments from 2001 to 2100.

    >>> epoch_unit(pl.Series([1_704_067_200, 1_704_067_260])), epoch_unit(pl.Series([5, 7]))
    ('seconds', None)
    """
    numbers = convert(values, "integer")
    lowest, highest = numbers.min(), numbers.max()
    if numbers.null_count() or not isinstance(lowest, int) or not isinstance(highest, int):
        return None
    for unit, factor in EPOCH_UNITS:
        if EPOCH_SECONDS[0] * factor <= lowest < highest <= EPOCH_SECONDS[1] * factor:
            return unit
    return None


def guess_group(frame: pl.DataFrame, types: Mapping[str, ColumnType], taken: Sequence[str]) -> Guess | None:
    """Find the person or thing that several rows belong to."""
    for name, kind in types.items():
        words = words_of(name)
        is_key = words[-1:] and (words[-1] in KEY_WORDS or words[-1].rstrip("s") in UNIT_WORDS)
        if name in taken or kind not in {"string", "integer"} or not is_key:
            continue
        if {word.rstrip("s") for word in words} & UNIT_WORDS or words in ONLY_KEY:
            values = frame[name].drop_nulls()
            distinct = values.n_unique()
            if FEWEST_GROUPS <= distinct <= 0.8 * len(values):
                each = len(values) / distinct
                return Guess(name, f"it names {distinct} units with {each:.1f} rows each on average")
    return None


def guess_weight(frame: pl.DataFrame, types: Mapping[str, ColumnType], taken: Sequence[str]) -> Guess | None:
    """Find the column that says how much a row counts, by an unmistakable name."""
    for name, kind in types.items():
        if name.lower() in WEIGHT_NAMES and name not in taken and kind in {"integer", "number"}:
            values = convert(frame[name], "number")
            lowest = values.min()
            if not values.null_count() and isinstance(lowest, float) and lowest >= 0 and values.sum() > 0:
                return Guess(name, "it is named like a weight and has no value below 0")
    return None


def guess_label_time(
    frame: pl.DataFrame,
    types: Mapping[str, ColumnType],
    *,
    time: str | None,
    label: str,
    taken: Sequence[str],
) -> Guess | None:
    """Find the column that says when the label became known: never before the row's time."""
    if time is None or types.get(time) != "timestamp":
        return None
    born = convert(frame[time], "timestamp")
    for name, kind in types.items():
        words = set(words_of(name))
        if kind != "timestamp" or name in taken:
            continue
        if words & LABEL_TIME_WORDS or name.lower().startswith(f"{label.lower()}_"):
            told = convert(frame[name], "timestamp")
            if not (told < born).any():
                return Guess(name, f"it is named like the arrival of {label!r}, and never before {time!r}")
    return None


def guess_sensitive(
    frame: pl.DataFrame, types: Mapping[str, ColumnType], taken: Sequence[str]
) -> tuple[str, ...]:
    """Find columns between whose values results should be compared, by their names."""
    found = []
    for name, kind in types.items():
        if kind in {"string", "boolean", "integer"} and name not in taken:
            is_named = set(words_of(name)) & SENSITIVE_WORDS
            if is_named and 2 <= frame[name].drop_nulls().n_unique() <= MOST_SENSITIVE_LEVELS:
                found.append(name)
    return tuple(found)


def maybe_weights(types: Mapping[str, ColumnType], taken: Sequence[str]) -> list[str]:
    """Name columns that might be weights, or a measured weight."""
    numbers = [name for name, kind in types.items() if kind in {"integer", "number"}]
    return [name for name in numbers if name.lower() in MAYBE_WEIGHTS and name not in taken]
