"""Read Universal Binary JSON (ubjson.org, draft 12): what XGBoost writes unless asked for JSON.

Arrays of one number type become lists; everything is bounded by the length of the data and a depth of 64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"

MOST_DEPTH = 64
NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
CONSTANTS: dict[str, Value] = {"Z": None, "T": True, "F": False}


def read_ubjson(data: bytes) -> Value:
    """Give the value that the bytes hold. Raises `ValueError` when they hold none.

    >>> read_ubjson(b"{U\\x01a[$U#U\\x02\\x05\\x06}")
    {'a': [5, 6]}
    """
    reader = _Reader(data)
    try:
        return reader.value(reader.marker(), 0)
    except (IndexError, struct.error, UnicodeDecodeError) as cause:
        raise ValueError(f"no UBJSON at byte {reader.at}") from cause


@dataclass
class _Reader:
    data: bytes
    at: int = 0

    def marker(self) -> str:
        while True:
            letter = chr(self.data[self.at])
            self.at += 1
            if letter != "N":  # no-op
                return letter

    def value(self, marker: str, depth: int) -> Value:
        if depth > MOST_DEPTH:
            raise ValueError(f"UBJSON is nested deeper than {MOST_DEPTH}")
        if marker in CONSTANTS:
            return CONSTANTS[marker]
        if marker in NUMBERS:
            return self.numbers(marker, 1)[0]
        if marker == "S":
            return self.text()
        if marker == "C":
            return self.take(1).decode()
        if marker == "[":
            return self.array(depth)
        if marker == "{":
            return self.object(depth)
        raise ValueError(f"UBJSON has no marker {marker!r}")

    def array(self, depth: int) -> Value:
        kind, count = self.container()
        if kind in NUMBERS and count is not None:
            return list(self.numbers(kind, count))
        items: list[Value] = []
        while count is None or len(items) < count:
            marker = kind or self.marker()
            if count is None and marker == "]":
                break
            items.append(self.value(marker, depth + 1))
        return items

    def object(self, depth: int) -> Value:
        kind, count = self.container()
        items: dict[str, Value] = {}
        read = 0
        while count is None or read < count:
            marker = self.marker()
            if count is None and marker == "}":
                break
            self.at -= 1
            key = self.text()
            items[key] = self.value(kind or self.marker(), depth + 1)
            read += 1
        return items

    def container(self) -> tuple[str, int | None]:
        """Give the type and the number of what follows, as far as they are said at the beginning."""
        kind, count = "", None
        if self.data[self.at : self.at + 1] == b"$":
            kind = chr(self.data[self.at + 1])
            self.at += 2
        if self.data[self.at : self.at + 1] == b"#":
            self.at += 1
            count = self.length()
        if kind and (count is None or kind in CONSTANTS):
            raise ValueError("UBJSON has a typed container without a length")
        return kind, count

    def text(self) -> str:
        return self.take(self.length()).decode()

    def length(self) -> int:
        marker = self.marker()
        if marker not in "iUIlL":
            raise ValueError(f"UBJSON has no length at byte {self.at}")
        found = int(self.numbers(marker, 1)[0])
        if found < 0:
            raise ValueError(f"UBJSON has the length {found}")
        return found

    def numbers(self, marker: str, count: int) -> list[int] | list[float]:
        kind = np.dtype(NUMBERS[marker])
        found: list[int] | list[float] = np.frombuffer(self.take(count * kind.itemsize), kind).tolist()
        return found

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise ValueError(f"UBJSON ends at byte {len(self.data)}, inside a value")
        taken = self.data[self.at : self.at + length]
        self.at += length
        return taken
