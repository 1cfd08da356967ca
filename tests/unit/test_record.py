"""A record is a frozen dataclass in everything but what it costs to declare."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass
from functools import cached_property
from typing import Any

import pytest

import mlwright
from mlwright.record import Record, field, fields


class Recorded(Record):
    """A record."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = field(default=("a",), metadata={"doc": "labels"})
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def double(self) -> int:
        """Give a property."""
        return 2 * self.size

    @cached_property
    def made(self) -> list[int]:
        """Make something once."""
        return [self.size]


@dataclass(frozen=True)
class Kept:
    """The same as a dataclass."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = dataclasses.field(default=("a",), metadata={"doc": "labels"})
    facts: dict[str, int] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("x",), {}),
        ((), {"name": "x", "size": 4}),
        (("x", 1, ("b",), {"c": 2}), {}),
        ((), {}),
        (("x",), {"name": "y"}),
        (("x",), {"colour": 1}),
        ((1, 2, 3, 4, 5), {}),
    ],
)
def test_a_record_takes_and_shows_what_a_dataclass_does(
    given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    try:
        kept = Kept(*given, **named)
    except TypeError:
        with pytest.raises(TypeError):
            Recorded(*given, **named)
        return
    made = Recorded(*given, **named)
    assert repr(made) == repr(kept).replace("Kept", "Recorded")
    assert dataclasses.asdict(made) == dataclasses.asdict(kept)
    assert dataclasses.astuple(made) == dataclasses.astuple(kept)
    assert vars(made) == vars(kept)


def test_records_are_equal_by_value_and_class() -> None:
    class Other(Record):
        name: str
        size: int = 3
        tags: tuple[str, ...] = ("a",)
        facts: dict[str, int] = field(default_factory=dict)

    assert Recorded("x") == Recorded("x", 3)
    assert Recorded("x") != Recorded("y")
    assert Recorded("x") != Other("x")
    assert hash(Recorded("x", facts=())) == hash(Recorded("x", facts=()))  # type: ignore[arg-type]  # hashable
    with pytest.raises(TypeError, match="unhashable"):
        hash(Recorded("x"))
    assert Recorded("x").facts is not Recorded("x").facts


def test_a_record_cannot_be_changed_but_replaced() -> None:
    made = Recorded("x")
    with pytest.raises(FrozenInstanceError, match="'size'"):
        made.size = 4  # type: ignore[misc]  # what is tested
    with pytest.raises(FrozenInstanceError, match="'size'"):
        del made.size
    assert dataclasses.replace(made, size=4) == Recorded("x", 4)
    assert (made.made, made.made is made.made, made == Recorded("x")) == ([3], True, True)
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    match made:
        case Recorded(name, size):
            assert (name, size) == ("x", 3)


def test_dataclasses_sees_the_fields_of_a_record() -> None:
    assert dataclasses.is_dataclass(Recorded)
    kept, seen = ({one.name: one for one in dataclasses.fields(cls)} for cls in (Kept, Recorded))
    assert kept.keys() == seen.keys() == {one.name for one in fields(Recorded)}
    for name, one in kept.items():
        assert (seen[name].default, seen[name].default_factory) == (one.default, one.default_factory)
        assert seen[name].metadata == one.metadata
    assert [one.is_required for one in fields(Recorded)] == [True, False, False, False]


def test_every_record_of_mlwright_is_a_dataclass_to_those_who_ask() -> None:
    for module in pkgutil.walk_packages(mlwright.__path__, "mlwright."):
        if module.name.split(".")[1] in {"cli", "commands", "deployment", "project", "registry", "serving"}:
            importlib.import_module(module.name)
    classes = [cls for cls in Record.__subclasses__() if cls.__module__.startswith("mlwright.")]
    assert len(classes) > 30
    for cls in classes:
        assert [one.name for one in dataclasses.fields(cls)] == [one.name for one in fields(cls)]
        assert not cls.__subclasses__()


@pytest.mark.promise("serve.light")
def test_declaring_records_does_not_import_dataclasses() -> None:
    code = "import sys, mlwright.project; print('dataclasses' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
