"""Reading the facts of a report, which are JSON values: what is missing is empty."""

from __future__ import annotations

from collections.abc import Mapping

Facts = Mapping[str, object]


def find(facts: Facts, *names: str) -> dict[str, object]:
    """Give the object under a path of names, an empty one when there is none.

    >>> find({"a": {"b": {"c": 1}}}, "a", "b"), find({}, "a")
    ({'c': 1}, {})
    """
    value: object = facts
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return dict(value) if isinstance(value, Mapping) else {}


def items(value: object) -> list[dict[str, object]]:
    """Give the objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def numbers(value: object) -> list[float]:
    """Give the numbers of a list."""
    return [float(item) for item in value if isinstance(item, int | float)] if isinstance(value, list) else []


def amount(value: object) -> float:
    """Give a number, 0 for none."""
    return float(value) if isinstance(value, int | float) else 0.0


def known(value: object) -> float | None:
    """Give a number, None for none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
