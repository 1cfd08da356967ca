"""Damage to requests that were right: bits, cuts, repeats, splices, and words that parsers stumble over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WORDS = [
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e400", b"-0", b"1e-400", b"9223372036854775808", b"0.1e"),
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"[" * 200, b'{"a":' * 120, b"[]", b"{}", b"\x00"),
    *(b"\\ud800", b"\\u0000", b"\xff", b"\xc0\x80", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80"),
    *(b'"rows"', b'"inputs"', b'"data"', b'"shape"', b'"amount"', b'"unit"', b'"id"', b'"parameters"'),
    *(
        b"-1",
        b"18446744073709551616",
        b"1" * 400,
        b"0" * 400,
        b"." + b"3" * 50,
        b"4294967295",
        b"1.5",
        b"\r\n",
    ),
    *(b"transfer-encoding: chunked\r\n", b"content-length: 1\r\n", b"expect: 100-continue\r\n", b"0\r\n\r\n"),
]
MOST_BYTES = 200_000  # repeats double: a few of them must not make a flood


@dataclass(frozen=True)
class Mutator:
    """Changes bytes; the same seed changes them in the same way."""

    rng: random.Random
    stock: Sequence[bytes]
    """Where splices come from."""

    def mutate(self, data: bytes) -> bytes:
        """Change bytes once or a few times."""
        changes: list[Callable[[bytes], bytes]] = [
            *(
                self._flip,
                self._byte,
                self._cut,
                self._drop,
                self._repeat,
                self._splice,
                self._word,
                self._digit,
            )
        ]
        for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3, 6))):
            data = self.rng.choice(changes)(data)[:MOST_BYTES]
        return data

    def _place(self, data: bytes) -> int:
        return self.rng.randrange(len(data) + 1)

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + self.rng.choice((1, 2, 4, 16, 64, len(data))))

    def _flip(self, data: bytes) -> bytes:
        at = self._place(data)
        flipped = bytes([data[at] ^ 1 << self.rng.randrange(8)]) if at < len(data) else b""
        return data[:at] + flipped + data[at + 1 :]

    def _byte(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([self.rng.randrange(256)]) + data[at + self.rng.randrange(2) :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _drop(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:end] * self.rng.choice((1, 2, 30)) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self.rng.choice(self.stock)
        return data[: self._place(data)] + other[self._place(other) :]

    def _word(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + self.rng.choice(WORDS) + data[self.rng.choice((start, end)) :]

    def _digit(self, data: bytes) -> bytes:
        places = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
        if not places:
            return data
        at = self.rng.choice(places)
        return data[:at] + self.rng.choice([*WORDS, b"-", b".", b"e9", b"00"]) + data[at + 1 :]
