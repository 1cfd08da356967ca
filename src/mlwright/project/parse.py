"""Read `mlwright.toml` strictly: a wrong key names its line and the nearest right one."""

from __future__ import annotations

import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path

from mlwright.errors import ConfigError
from mlwright.project.config import Config
from mlwright.record import Field, Record, fields

HINT = "see `mlwright config show`, or docs/reference/config.md for every key"

TAKEN = {
    ("gates", "checks"): "that gate is there always: it fails when a finding blocks; choose another name"
}


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read a config file, with `MLWRIGHT_<SECTION>__<KEY>` of `environ` laid over it.

    Raises `ConfigError` for anything that is not exactly a config: the message names line and key.
    """
    text = path.read_text(encoding="utf-8")
    table = _read_table(text)
    for dotted, value in _overrides(environ or {}).items():
        section, key = dotted.split(".", 1)
        table.setdefault(section, {})[key] = value
    config = _build(Config, table, _Place(text, ()))
    assert isinstance(config, Config)
    return config


def origins(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, tuple[object, str]]:
    """Give every setting as `section.key` with its value and where it came from."""
    text = path.read_text(encoding="utf-8")
    table = _read_table(text)
    overrides = _overrides(environ or {})
    found: dict[str, tuple[object, str]] = {}
    _flatten(load_config(path, environ), table, (), found)
    for dotted in overrides:
        found[dotted] = (found[dotted][0], "MLWRIGHT_" + dotted.upper().replace(".", "__"))
    return found


def config_schema() -> dict[str, object]:
    """Give the JSON schema of `mlwright.toml`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(Config)}


class _Place(Record):
    text: str
    keys: tuple[str, ...]

    def at(self, key: str) -> _Place:
        return _Place(self.text, (*self.keys, key))

    def line(self) -> int:
        """Find the line that sets this key: the deepest header or `key =` that matches."""
        section: tuple[str, ...] = ()
        best = 1
        for number, raw in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]", raw):
                section = tuple(part.strip().strip('"') for part in header[1].split("."))
                is_inside = section[: len(self.keys)] == self.keys and best == 1
                if is_inside or section == self.keys[: len(section)]:
                    best = number
            elif setting := re.match(r'\s*"?([\w.-]+)"?\s*=', raw):
                full = (*section, setting[1])
                if full == self.keys[: len(full)]:
                    best = number
        return best

    def fail(self, message: str, hint: str = HINT) -> ConfigError:
        line = self.line()
        return ConfigError(
            f"mlwright.toml line {line}: {message}", hint=hint, line=line, key=".".join(self.keys)
        )


def _read_table(text: str) -> dict[str, typing.Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise ConfigError(f"mlwright.toml is not TOML: {cause}", hint="mend that line") from cause


def _overrides(environ: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in environ.items():
        parts = name.removeprefix("MLWRIGHT_").lower().split("__")
        if not name.startswith("MLWRIGHT_") or len(parts) != 2:
            continue
        try:
            value: object = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            value = text
        found[".".join(parts)] = value
    return found


def _build(cls: type[Record], table: object, place: _Place) -> Record:
    name = ".".join(place.keys) or "the file"
    if not isinstance(table, dict):
        raise place.fail(f"{name!r} is a section, not a value")
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in fields(cls)}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in known:
            import difflib

            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            raise place.at(key).fail(f"unknown key {key!r}" + (f" in [{name}]" if place.keys else ""), hint)
        values[key] = _convert(hints[key], value, place.at(key))
    for key, field in known.items():
        if field.is_required and key not in values:
            raise place.fail(f"{name!r} lacks the key {key!r}", f"add `{key} = …` there")
    return cls(**values)


def _convert(hint: object, value: object, place: _Place) -> object:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(typing.get_args(hint), value, place)
    if origin is typing.Literal:
        if value in typing.get_args(hint):
            return value
        raise place.fail(_wrong(value, place), _choices(typing.get_args(hint), value))
    if origin is tuple and isinstance(value, list):
        inner = typing.get_args(hint)[0]
        return tuple(_convert(inner, item, place) for item in value)
    if origin is dict and isinstance(value, dict):
        inner = typing.get_args(hint)[1]
        for key in value:
            if (*place.keys, key) in TAKEN:
                raise place.at(key).fail(
                    f"{key!r} is taken in [{'.'.join(place.keys)}]", TAKEN[*place.keys, key]
                )
        return {key: _convert(inner, item, place.at(key)) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, Record):
        return _build(hint, value, place)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise place.fail(_wrong(value, place), f"expected {_type_name(hint)}")


def _convert_union(hints: tuple[object, ...], value: object, place: _Place) -> object:
    for hint in hints:
        if isinstance(hint, type) and type(value) is hint:
            return value
    problem: ConfigError | None = None
    for hint in hints:
        if hint is types.NoneType:
            continue
        try:
            return _convert(hint, value, place)
        except ConfigError as found:
            problem = problem or found
    raise place.fail(
        _wrong(value, place), f"expected {' or '.join(_type_name(hint) for hint in hints)}"
    ) from problem


def _wrong(value: object, place: _Place) -> str:
    return f"{place.keys[-1]!r} cannot be {value!r}"


def _choices(options: tuple[object, ...], value: object) -> str:
    import difflib

    near = difflib.get_close_matches(str(value), [str(option) for option in options], n=1)
    listed = ", ".join(repr(option) for option in options)
    return f"one of {listed}" + (f"; did you mean {near[0]!r}?" if near else "")


def _type_name(hint: object) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(repr(option) for option in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"a list of {_type_name(typing.get_args(hint)[0])}"
    if typing.get_origin(hint) is dict or (isinstance(hint, type) and issubclass(hint, Record)):
        return "a section"
    names: dict[object, str] = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        types.NoneType: "nothing",
    }
    return names.get(hint, str(hint))


def _flatten(
    config: Record | dict[str, Record],
    table: object,
    keys: tuple[str, ...],
    found: dict[str, tuple[object, str]],
) -> None:
    given = table if isinstance(table, dict) else {}
    items = (
        config.items()
        if isinstance(config, dict)
        else ((field.name, getattr(config, field.name)) for field in fields(type(config)))
    )
    for key, value in items:
        if isinstance(value, dict | Record):
            _flatten(value, given.get(key), (*keys, key), found)
        else:
            found[".".join((*keys, key))] = (value, "mlwright.toml" if key in given else "default")


def _schema(hint: object) -> dict[str, object]:
    origin = typing.get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        hints = typing.get_type_hints(hint)
        properties = {
            field.name: {**_schema(hints[field.name]), **_described(field)} for field in fields(hint)
        }
        required = [field.name for field in fields(hint) if field.is_required]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            "description": (hint.__doc__ or "").strip(),
        }
    if origin is typing.Literal:
        return {"enum": list(typing.get_args(hint))}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(part) for part in typing.get_args(hint) if part is not types.NoneType]}
    if origin is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(typing.get_args(hint)[1])}
    simple: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {"type": simple[hint]}


def _described(field: Field) -> dict[str, object]:
    text = field.metadata.get("doc")
    return {} if text is None else {"description": text}
