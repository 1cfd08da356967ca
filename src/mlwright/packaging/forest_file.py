"""`model.trees` as arrays, for those who lower it; opening a package has checked every number of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.packaging.forest import CATEGORICAL, DEFAULT_LEFT, read_arrays

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
ZERO = float(np.float32(1e-35))  # LightGBM's zero: the kernels have the same double


@dataclass(frozen=True)
class ForestFile:
    """A forest as docs/reference/formats.md describes it; negative links are leaves, `~link` their place."""

    features: int
    link: str
    slope: float
    base: Floats
    is_average: bool
    root: Integers
    output: Integers
    feature: Integers
    is_categorical: npt.NDArray[np.bool_]
    is_default_left: npt.NDArray[np.bool_]
    missing: Integers
    threshold: Floats
    left: Integers
    right: Integers
    bits_at: Integers
    bits_len: Integers
    leaf: Floats
    words: Integers

    @property
    def divisors(self) -> Floats:
        """Give what the sum of each output is divided by."""
        if not self.is_average:
            return np.ones(len(self.base))
        return np.maximum(np.bincount(self.output, minlength=len(self.base)), 1).astype(np.float64)

    def categories(self, node: int) -> list[int]:
        """Give the categories that a categorical node sends left."""
        at = self.bits_at[node]
        words = self.words[at : at + self.bits_len[node]].astype("<u4")
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        return [int(place) for place in np.flatnonzero(bits)]

    def owners(self) -> Integers:
        """Give the tree of each node; parents come before their children."""
        owner = np.zeros(len(self.feature), dtype=np.int64)
        for tree, root in enumerate(self.root):
            if root >= 0:
                owner[root] = tree
        for node, (left, right) in enumerate(zip(self.left.tolist(), self.right.tolist(), strict=True)):
            for child in (left, right):
                if child >= 0:
                    owner[child] = owner[node]
        return owner


def read_forest(data: bytes) -> ForestFile:
    """Read the bytes of a checked `model.trees`."""
    header, arrays = read_arrays(data)
    wide: dict[str, Any] = {
        name: values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
        for name, values in arrays.items()
    }
    flags = wide.pop("flags")
    return ForestFile(
        features=header["features"],
        link=header["link"],
        slope=header["sigmoid"],
        base=np.array(header["base"], dtype=np.float64),
        is_average=header["average"],
        is_categorical=(flags & CATEGORICAL) != 0,
        is_default_left=(flags & DEFAULT_LEFT) != 0,
        missing=(flags >> 2) & 3,
        **wide,
    )
