"""Read what a command is given where nothing has to be explained; `argparse` takes 15 ms to be imported."""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.cli.command import COMMON, Argument, Arguments, Command


def read_plainly(command: Command, given: Sequence[str]) -> Arguments | None:
    """Give what `argparse` would; None for anything that is not plainly right, which it must explain."""
    known = (*command.arguments, *COMMON)
    split = _split(given, {name: one for one in known for name in one.names if one.is_option})
    if split is None:
        return None
    words, options = split
    values = {argument: options.get(argument, []) for argument in known if argument.is_option}
    for argument in known:
        if not argument.is_option:
            count = len(words) if argument.nargs == "*" else 1
            values[argument], words = words[:count], words[count:]
    try:
        found = {_destination(argument): _value(argument, texts) for argument, texts in values.items()}
    except (TypeError, ValueError):
        return None
    return None if words else Arguments(command=command, **found)


def _split(
    given: Sequence[str], options: dict[str, Argument]
) -> tuple[list[str], dict[Argument, list[str]]] | None:
    """Tell the words that stand alone, all in one place, from those that belong to options."""
    words: list[str] = []
    found: dict[Argument, list[str]] = {}
    words_end, rest = None, list(given)
    while rest:
        text = rest.pop(0)
        if not text.startswith("-"):
            if words and words_end != len(rest) + 1:
                return None
            words.append(text)
            words_end = len(rest)
            continue
        name, has_value, value = text.partition("=")
        argument = options.get(name)
        if argument is None or (argument.is_flag and has_value):
            return None
        if not argument.is_flag and not has_value:
            if not rest:
                return None
            value = rest.pop(0)
        if value.startswith("-"):
            return None
        found.setdefault(argument, []).append(value)
    return words, found


def _destination(argument: Argument) -> str:
    return argument.names[0].lstrip("-").replace("-", "_")


def _value(argument: Argument, texts: list[str]) -> object:
    """Give the value of an argument; raises `ValueError` where it is not one of those it takes."""
    if argument.is_flag:
        return bool(texts)
    if not texts and argument.nargs != "*":
        if argument.is_required or not (argument.is_option or argument.nargs):
            raise ValueError(argument.names)
        return argument.default
    kind = argument.type or str
    values = [kind(text) for text in texts]
    if argument.choices is not None and not all(value in argument.choices for value in values):
        raise ValueError(argument.names)
    return values if argument.is_repeated or argument.nargs == "*" else values[-1]
