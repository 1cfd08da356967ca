"""The contract of a package: what its model reads, and what it refuses, which the server refuses too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlwright.data import Column, DataContract

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


def tighten(columns: Sequence[Column], fitted: Mapping[str, JSON]) -> list[Column]:
    """Give columns of which those may not be null that the model takes no null for."""
    refused = fitted.get("refuses_null") or []
    assert isinstance(refused, list)
    return [replace(column, nullable=column.nullable and column.name not in refused) for column in columns]


def tighten_contract(contract: DataContract, fitted: Mapping[str, JSON]) -> DataContract:
    """Give a contract of what the model reads, with what it refuses: null, and texts that are new."""
    refused, closed = fitted.get("refuses_null") or [], fitted.get("closed") or {}
    assert isinstance(refused, list)
    assert isinstance(closed, dict)
    columns = []
    for column in contract.columns:
        known = column
        if column.name in refused:
            known = replace(known, nullable=False)
        levels = closed.get(column.name)
        if isinstance(levels, list):
            known = replace(known, levels=tuple(str(level) for level in levels), closed=True)
        columns.append(known)
    unread = fitted.get("unread") or []
    assert isinstance(unread, list)
    left_out = set(map(str, unread))
    kept = tuple(column for column in columns if column.name not in left_out)
    return replace(contract, columns=kept, ignored=(*contract.ignored, *map(str, unread)))
