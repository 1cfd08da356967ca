"""A converted model as JSON and back: how it crosses from the process that opened its file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mlwright.data import Column
from mlwright.packaging.forest import UNREADABLE
from mlwright.packaging.kernel_model import KernelModel


def kernel_to_json(model: KernelModel) -> dict[str, Any]:
    """Give everything but the bytes."""
    plain = {
        entry.name: getattr(model, entry.name) for entry in dataclasses.fields(model) if entry.name != "data"
    }
    plain["columns"] = [dataclasses.asdict(column) for column in model.columns]
    for name in ("categorical", "closed", "sentences"):
        plain[name] = sorted(plain[name])
    for name in ("levels", "values", "limits"):
        if plain[name] is not None:
            plain[name] = {str(place): list(items) for place, items in plain[name].items()}
    return plain


def kernel_from_json(plain: Mapping[str, Any], data: bytes) -> KernelModel:
    """Read what `kernel_to_json` gave. Raises `ValueError` for anything else.

    >>> model = KernelModel(b"", (Column("x", "number"),), 1, "binary", True, values={0: [1.0]})
    >>> kernel_from_json(kernel_to_json(model), b"").near
    {0: [1.0]}
    """
    try:
        values = {**plain}
        values["columns"] = tuple(Column(**column) for column in plain["columns"])
        values["categorical"] = frozenset(plain["categorical"])
        values["closed"] = frozenset(plain["closed"])
        values["sentences"] = frozenset(plain["sentences"])
        values["classes"] = None if plain["classes"] is None else tuple(plain["classes"])
        for name in ("levels", "values", "limits"):
            if plain[name] is not None:
                values[name] = {int(place): tuple(items) for place, items in plain[name].items()}
        return KernelModel(data=data, **values)
    except UNREADABLE as cause:
        raise ValueError("the description of a model is not what this version writes") from cause
