"""`model.trees`, the file of the Rust kernels (docs/reference/formats.md), from trees of any library."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.errors import ModelUnsupported

Link: TypeAlias = Literal["identity", "sigmoid", "softmax", "exp", "ova", "softplus", "square", "step"]
Floats: TypeAlias = npt.NDArray[np.float64]

MAGIC = b"MLWTREE1"
CATEGORICAL, DEFAULT_LEFT, MISSING_NAN = 1, 2, 8
MOST_CATEGORY = 2**24
MOST_FEATURES, MOST_OUTPUTS = 1_000_000, 10_000
_LAYOUT = (
    ("root", "<i4", "trees"),
    ("output", "<u4", "trees"),
    ("feature", "<u4", "nodes"),
    ("flags", "<u4", "nodes"),
    ("threshold", "<f8", "nodes"),
    ("left", "<i4", "nodes"),
    ("right", "<i4", "nodes"),
    ("bits_at", "<u4", "nodes"),
    ("bits_len", "<u4", "nodes"),
    ("leaf", "<f8", "leaves"),
    ("words", "<u4", "words"),
)
"""Arrays of the file in their order: name, type, and what of its header counts them."""
UNREADABLE = (
    *(KeyError, TypeError, ValueError, IndexError, AttributeError),
    *(OverflowError, RecursionError),
)
"""What reading a document raises that is not what its reader expects."""


@dataclass(frozen=True)
class Split:
    """An inner node: left when x <= threshold, or when the category is one of `categories`.

    NaN goes to the default side. `left` and `right` are places in the list of nodes.
    """

    feature: int
    left: int
    right: int
    threshold: float = 0.0
    categories: frozenset[int] | None = None
    is_default_left: bool = False


@dataclass(frozen=True)
class Answer:
    """What a forest makes of the sums of its leaves."""

    link: Link
    base: tuple[float, ...]
    """Start of the sum, one per output."""
    slope: float = 1.0
    is_average: bool = False


@dataclass
class TreeArrays:
    """The arrays of the format while they grow."""

    root: list[int] = field(default_factory=list)
    output: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    bits_at: list[int] = field(default_factory=list)
    bits_len: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    words: list[int] = field(default_factory=list)

    def add_tree(self, nodes: Sequence[Split | float], output: int = 0) -> None:
        """Add a tree: its first node is the root, numbers are leaves.

        Raises `ModelUnsupported` when the nodes are no tree.
        """
        order = _parents_first(nodes)
        first_node, first_leaf = len(self.feature), len(self.leaf)
        splits = [node for node in order if isinstance(nodes[node], Split)]
        leaves = [node for node in order if not isinstance(nodes[node], Split)]
        place = {node: first_node + at for at, node in enumerate(splits)}
        place |= {node: ~(first_leaf + at) for at, node in enumerate(leaves)}
        self.root.append(place[0])
        self.output.append(output)
        for node in order:
            item = nodes[node]
            if isinstance(item, Split):
                self._add_split(item, place[item.left], place[item.right])
            else:
                self.leaf.append(float(item))

    def _add_split(self, split: Split, left: int, right: int) -> None:
        words = [] if split.categories is None else _words(split.categories)
        self.feature.append(split.feature)
        self.flags.append(
            (0 if split.categories is None else CATEGORICAL)
            | (DEFAULT_LEFT if split.is_default_left else 0)
            | MISSING_NAN
        )
        self.threshold.append(split.threshold)
        self.left.append(left)
        self.right.append(right)
        self.bits_at.append(len(self.words))
        self.bits_len.append(len(words))
        self.words += words

    def _check(self, features: int, answer: Answer) -> None:
        wrong = next((place for place in self.feature if not 0 <= place < features), None)
        if wrong is not None:
            raise _damaged(f"a split reads feature {wrong} of {features}")
        if not np.isfinite([*self.leaf, *answer.base]).all():
            raise _damaged("a leaf or the start of a sum is not finite")
        if np.isnan(self.threshold).any():
            raise _damaged("a split compares with nan")
        if any(not 0 <= output < len(answer.base) for output in self.output):
            raise _damaged(f"a tree adds to an output beyond the {len(answer.base)} outputs")

    def to_bytes(self, features: int, answer: Answer) -> bytes:
        """Give the file. Raises `ModelUnsupported` for numbers that no file may hold."""
        self._check(features, answer)
        header = {
            "features": features,
            "trees": len(self.root),
            "outputs": len(answer.base),
            "link": answer.link,
            "sigmoid": answer.slope,
            "base": list(answer.base),
            "average": answer.is_average,
            "nodes": len(self.feature),
            "leaves": len(self.leaf),
            "words": len(self.words),
        }
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        out = bytearray(MAGIC + struct.pack("<I", len(text)) + text)
        out += b"\0" * (-len(out) % 8)
        for name, kind, _ in _LAYOUT:
            data = np.array(getattr(self, name), dtype=kind).tobytes()
            out += data + b"\0" * (-len(data) % 8)
        return bytes(out)


def bounded(count: int, most: int) -> int:
    """Give a count of a file before anything of that size is made. Raises `ValueError` above `most`."""
    if not 0 <= count <= most:
        raise ValueError(f"it counts {count}, at most {most} are read")
    return count


def _damaged(what: str) -> ModelUnsupported:
    return ModelUnsupported(what, hint="write the model again with its library: the file is damaged")


def read_trees(data: bytes) -> tuple[TreeArrays, int, Answer]:
    """Give the arrays of a file that `to_bytes` wrote, how many features it reads, and its answer."""
    header, found = read_arrays(data)
    arrays = TreeArrays(**{name: values.tolist() for name, values in found.items()})
    answer = Answer(header["link"], tuple(header["base"]), header["sigmoid"], is_average=header["average"])
    return arrays, header["features"], answer


def thresholds_of(data: bytes) -> dict[int, list[float]]:
    """Give the thresholds of numeric splits by feature: where the parity gate looks hardest."""
    _, arrays = read_arrays(data)
    found: dict[int, list[float]] = {}
    for place in np.flatnonzero((arrays["flags"] & CATEGORICAL) == 0):
        found.setdefault(int(arrays["feature"][place]), []).append(float(arrays["threshold"][place]))
    return found


def read_arrays(data: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Give the header of a file, and its arrays by name as they lie in it."""
    length = struct.unpack_from("<I", data, 8)[0]
    header = json.loads(data[12 : 12 + length])
    at = _padded(12 + length)
    arrays = {}
    for name, kind, count in _LAYOUT:
        arrays[name] = np.frombuffer(data, kind, header[count], at)
        at += _padded(arrays[name].nbytes)
    return header, arrays


def _parents_first(nodes: Sequence[Split | float]) -> list[int]:
    order: list[int] = []
    seen: set[int] = set()
    open_nodes = [0]
    while open_nodes:
        at = open_nodes.pop()
        if at in seen or not 0 <= at < len(nodes):
            raise _damaged(f"a tree of {len(nodes)} nodes has a wrong or second way to node {at}")
        seen.add(at)
        order.append(at)
        node = nodes[at]
        if isinstance(node, Split):
            open_nodes += [node.right, node.left]
    return order


def _words(categories: Iterable[int]) -> list[int]:
    words: list[int] = []
    for category in categories:
        if not 0 <= category < MOST_CATEGORY:
            raise ModelUnsupported(
                f"a split names the category {category}",
                hint=f"number the categories from 0 to at most {MOST_CATEGORY - 1}",
            )
        words += [0] * (category // 32 + 1 - len(words))
        words[category // 32] |= 1 << category % 32
    return words


def _padded(size: int) -> int:
    return -(-size // 8) * 8
