"""A library that answers for the files it wrote: handed in from above, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.errors import ParityFailed


@dataclass(frozen=True)
class Library:
    """What an optional library says of the rows of a matrix; each integration says what its numbers mean."""

    name: str
    """With its version."""
    answers: Callable[[bytes, npt.NDArray[Any]], npt.NDArray[Any]]
    """Takes the bytes of a model file and rows: numbers, or numbers and texts."""


def hold_to_library(found: npt.NDArray[Any], library: Library, data: bytes, rows: npt.NDArray[Any]) -> None:
    """Compare what was read from a file with what its library says. Raises `ParityFailed` naming a row.

    Whole numbers have to be equal, others within 1e-9, relative above 1.
    """
    expected = library.answers(data, rows)
    if found.shape != expected.shape:
        raise ParityFailed(
            f"{library.name} gives shape {expected.shape}, the import {found.shape}",
            hint="report this with the model file: it is a bug in the conversion",
        )
    allowed = 0.0 if expected.dtype.kind in "iu" else 1e-9 * np.maximum(1.0, np.abs(expected))
    is_wrong = ~(np.abs(found - expected) <= allowed)
    if is_wrong.any():
        row, place = np.argwhere(is_wrong)[0]
        raise ParityFailed(
            f"{library.name} says {expected[row, place]} at place {place} of row {row}, the import "
            f"{found[row, place]}; the row is {rows[row].tolist()}",
            hint="the version is not registered; report this with the model file",
        )
