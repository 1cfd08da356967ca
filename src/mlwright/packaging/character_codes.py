"""What characters are to the terms of a text: codes of whole numbers, asked of the compiled core one by one.

So no table here can differ from the core's: what a word is made of, and what a capital becomes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright import native
from mlwright.features import TransformDocument
from mlwright.features.document import OutputEntry, TextEntry, TextReading

SEPARATOR, OTHER, FIRST = 0, 1, 2
"""Codes: what parts words; letters and digits that no term has; the first of those that terms have."""
NEVER = -1
"""No character has this code."""
DOTTED, SIGMA = "\u0130", "\u03a3"
"""The one capital that becomes two characters, and the one that becomes another at the end of a word."""
SMALL_SIGMAS = ("\u03c3", "\u03c2")
DOT = "\u0307"
SURROGATES = range(0xD800, 0xE000)
PLANES = (range(0x40000), range(0xE0000, 0xE1000))
"""Where Unicode has characters; the planes between are empty, those at the end private."""

Floats = npt.NDArray[np.float64]
Characters: TypeAlias = Literal["own", "alphanumeric", "word"]


@dataclass(frozen=True)
class CharacterCodes:
    """The codes of a reading: of the characters that terms have, and of capitals that become those."""

    of_terms: Mapping[str, int]
    of_texts: Mapping[str, int]
    """Characters of texts and what each is read as; the rest is `OTHER` where `letters` has it."""
    letters: str
    """A class of a regular expression (RE2): letters and digits."""
    dotted: tuple[int, int] | None
    """What `DOTTED` is read as, where that is two characters; its own code is in `of_texts`."""
    has_sigmas: bool
    """Whether `SIGMA` is read by what is around it; its own code is in `of_texts`."""

    def spell(self, term: str) -> list[int]:
        """Give the codes of a term: a separator before and after each word."""
        return [SEPARATOR, *(self.of_terms[character] for character in term), SEPARATOR]


def codes_of(reading: TextReading, terms: Iterable[str]) -> CharacterCodes:
    """Give a code to every character of the terms that the compiled core finds in texts."""
    known = dict.fromkeys(character for term in terms for character in term if character != " ")
    is_own = reading.get("characters", "own") == "own"
    is_small = reading.get("lowercase", True)
    has_sigmas = is_small and not is_own and any(sigma in known for sigma in SMALL_SIGMAS)
    if has_sigmas:
        known |= dict.fromkeys(SMALL_SIGMAS)
    of_terms = {character: place for place, character in enumerate(known, FIRST)}
    of_texts = {" ": SEPARATOR, **_read_as(reading, of_terms)}
    last = FIRST + len(of_terms)
    dotted = None
    if is_small and (not is_own or DOT in known or reading.get("shortest", 1) > 1):
        dotted = (of_terms.get("i", OTHER), of_terms.get(DOT, OTHER) if is_own else SEPARATOR)
        of_texts[DOTTED] = last
    if has_sigmas:
        of_texts[SIGMA] = last + 1
    letters = _letters(reading.get("characters", "own"), is_small)
    return CharacterCodes({**of_terms, " ": SEPARATOR}, of_texts, letters, dotted, has_sigmas)


@cache
def every_character() -> tuple[str, ...]:
    """Give every character, and what is not yet one in the planes that have some."""
    return tuple(chr(code) for plane in PLANES for code in plane if code not in SURROGATES)


@cache
def cased_characters() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the characters that have a case, and those that are passed over where `SIGMA` looks for one."""
    reading: TextReading = {"ngrams": 1, "characters": "word"}
    every, end = every_character(), {SMALL_SIGMAS[1]: 1.0}
    is_cased = _weigh(reading, end, [f"{character}'{SIGMA}" for character in every]) > 0
    is_either = _weigh(reading, end, [f"A{character}'{SIGMA}" for character in every]) > 0
    cased = tuple(every[place] for place in np.flatnonzero(is_cased).tolist())
    passed = tuple(every[place] for place in np.flatnonzero(is_either & ~is_cased).tolist())
    return cased, passed


@cache
def _letters(characters: Characters, is_small: bool) -> str:  # noqa: FBT001  # the key of a cache
    """Give the class of the characters that words are made of."""
    reading: TextReading = {"ngrams": 1, "characters": characters, "lowercase": is_small}
    every = every_character()
    is_apart = _weigh(reading, {"a": 1.0}, [f"a{character}a" for character in every]) > 0
    codes = np.array([ord(character) for character in every])[~is_apart]
    starts = np.flatnonzero(np.diff(codes, prepend=-2) != 1)
    ends = np.append(starts[1:], len(codes)) - 1
    ranges = [
        rf"\x{{{first:x}}}-\x{{{last:x}}}" if last > first else rf"\x{{{first:x}}}"
        for first, last in zip(codes[starts].tolist(), codes[ends].tolist(), strict=True)
    ]
    return f"[{''.join(ranges)}]"


def _read_as(reading: TextReading, codes: Mapping[str, int]) -> dict[str, int]:
    """Give every character that is read as one of those with a code, and that code."""
    every = every_character()
    found = _weigh(reading, {character: float(code) for character, code in codes.items()}, every)
    return {every[place]: int(found[place]) for place in np.flatnonzero(found).tolist()}


def _weigh(reading: TextReading, weights: Mapping[str, float], texts: Sequence[str]) -> Floats:
    """Add up the weights of the words of texts as the compiled core counts them."""
    entry: TextEntry = {
        "name": "t",
        "column": "t",
        "ngrams": 1,
        "characters": reading.get("characters", "own"),
        "lowercase": reading.get("lowercase", True),
        "terms": list(weights),
        "idf": [1.0] * len(weights),
        "norm": "none",
    }
    output: OutputEntry = {
        "name": "t",
        "op": "text",
        "column": "t",
        "text": "t",
        "weights": list(weights.values()),
        "default": 0.0,
    }
    document: TransformDocument = {
        "format": 1,
        "inputs": [{"name": "t", "type": "string"}],
        "outputs": [output],
        "texts": [entry],
    }
    column = ("t", "string", np.arange(len(texts), dtype=np.uint32), list(texts))
    return native.transform(json.dumps(document), [column], len(texts))[:, 0]
