"""Frozen dataclasses that are cheap to declare, for what a server imports while its callers wait.

`dataclasses` imports `inspect` and compiles six methods for each class. A record means the same, with methods
that all records share; for `dataclasses.fields`, `replace` and `asdict` it is the dataclass that it would be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

Value = TypeVar("Value")


class _Required:
    """The default of a field that has none."""


REQUIRED: Any = _Required()


class Field:
    """One field of a record: its default, or what makes one, and what a reader may be told of it."""

    def __init__(
        self, default: object, default_factory: Callable[[], object] | None, metadata: Mapping[str, Any]
    ) -> None:
        self.name = ""
        self.default = default
        self.default_factory = default_factory
        self.metadata = metadata

    @property
    def is_required(self) -> bool:
        """Tell whether a record cannot be made without a value for this field."""
        return self.default is REQUIRED and self.default_factory is None

    def fill(self) -> object:
        """Give the value that nobody gave."""
        return self.default if self.default_factory is None else self.default_factory()


def field(
    *,
    default: Value = REQUIRED,
    default_factory: Callable[[], Value] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Value:
    """Declare a field with more than a default."""
    declared: Any = Field(default, default_factory, metadata or {})
    return declared  # type: ignore[no-any-return]  # what stands in the class is not what its fields hold


class _AsDataclass:
    """The fields as `dataclasses` knows them, made when it first asks."""

    def __get__(self, instance: object, owner: type[Record]) -> dict[str, Any]:
        import dataclasses

        body: dict[str, object] = {"__annotations__": owner.__annotations__, "__module__": owner.__module__}
        for one in fields(owner):
            settings: dict[str, Any] = {"metadata": one.metadata}
            if one.default is not REQUIRED:
                settings["default"] = one.default
            elif one.default_factory is not None:
                settings["default_factory"] = one.default_factory
            body[one.name] = dataclasses.field(**settings)
        twin: Any = dataclasses.dataclass(frozen=True)(type(owner.__name__, (), body))
        owner.__dataclass_fields__ = made = dict(twin.__dataclass_fields__)
        return made


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """A value with named fields; a class of records derives from this one and from no other.

    >>> class Point(Record):
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(1.0) == Point(1.0, y=0.0)
    (Point(x=1.0, y=0.0), True)
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[Any] = _AsDataclass()
    _fields: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        cls._fields = {name: _declare(cls, name) for name in cls.__annotations__}
        cls.__match_args__ = tuple(cls._fields)  # type: ignore[misc]  # the checker makes its own

    def __init__(self, *given: object, **named: object) -> None:
        name, declared = type(self).__name__, self._fields
        if len(given) > len(declared):
            raise TypeError(f"{name} has {len(declared)} fields, {len(given)} values were given")
        values = dict(zip(declared, given, strict=False))
        for key, value in named.items():
            if key in values or key not in declared:
                raise TypeError(f"{name} got {'two values for' if key in values else 'an unknown'} {key!r}")
            values[key] = value
        for key, one in declared.items():
            if key not in values:
                if one.is_required:
                    raise TypeError(f"{name} lacks a value for {key!r}")
                values[key] = one.fill()
        self.__dict__.update(values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({shown})"

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __setattr__(self, name: str, value: object) -> NoReturn:
        self._refuse(name)

    def __delattr__(self, name: str) -> NoReturn:
        self._refuse(name)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self._fields)

    def _refuse(self, name: str) -> NoReturn:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot change {name!r} of a {type(self).__name__}")


def _declare(cls: type[Record], name: str) -> Field:
    given = cls.__dict__.get(name, REQUIRED)
    one = given if isinstance(given, Field) else Field(given, None, {})
    one.name = name
    if one.default is not REQUIRED:
        setattr(cls, name, one.default)
    elif given is not REQUIRED:
        delattr(cls, name)
    return one


def fields(cls: type[Record]) -> tuple[Field, ...]:
    """Give the fields of a class of records in their order."""
    return tuple(cls._fields.values())
