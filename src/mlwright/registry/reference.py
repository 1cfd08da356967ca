"""Names of versions: `fraud@3`, `fraud@champion`, `fraud@candidate`, `fraud@latest`."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from mlwright.errors import ReferenceInvalid
from mlwright.record import Record

Alias: TypeAlias = Literal["champion", "candidate"]
FORM = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})(@(?P<at>[0-9]+|champion|candidate|latest))?")


class ModelReference(Record):
    """A model and either a version number or an alias."""

    name: str
    at: int | Literal["champion", "candidate", "latest"]

    def __str__(self) -> str:
        return f"{self.name}@{self.at}"


def parse_reference(text: str) -> ModelReference:
    """Read a reference; a bare name means its champion.

    Raises `ReferenceInvalid`.

    >>> parse_reference("fraud@3")
    ModelReference(name='fraud', at=3)
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise ReferenceInvalid(
            f"{text!r} is not a model reference",
            hint="write NAME@3, NAME@champion, NAME@candidate or NAME@latest",
        )
    at = found["at"] or "champion"
    if at.isdigit():
        return ModelReference(found["name"], int(at))
    names: dict[str, Literal["champion", "candidate", "latest"]] = {
        "champion": "champion",
        "candidate": "candidate",
        "latest": "latest",
    }
    return ModelReference(found["name"], names[at])
