"""The comments beside settings: where `init` wrote why it assumed a value."""

from __future__ import annotations

import json
import re

ASSUMED = re.compile(r"assumed[:;]\s*")
SECTION = re.compile(r"\[(?P<name>[^\[\]]+)\]\s*(?:#.*)?$")
SETTING = re.compile(r"(?P<key>[A-Za-z_]+)\s*=\s*(?P<value>.*)$")
ITEM = re.compile(r'(?P<value>".*")\s*,?\s*#\s*(?P<comment>.*)$')


def assumed_reasons(text: str, section: str) -> dict[str, str]:
    """Give the reason behind each assumed text of a section, and the comment of each item of its lists.

    >>> assumed_reasons('[data]\\ntime = "ts"  # assumed: it holds moments\\nid = "n"  # as told', "data")
    {'ts': 'it holds moments'}
    """
    found: dict[str, str] = {}
    inside = False
    for line in map(str.strip, text.splitlines()):
        if heading := SECTION.match(line):
            inside = heading["name"] == section
        elif inside and (item := ITEM.match(line)):
            _remember(found, item["value"], item["comment"])
        elif inside and (setting := SETTING.match(line)):
            value, comment = _divide(setting["value"])
            if comment is not None and ASSUMED.match(comment):
                _remember(found, value, ASSUMED.sub("", comment, count=1))
    return found


def _divide(text: str) -> tuple[str, str | None]:
    """Part a value from the comment behind it; a `#` within quotes belongs to the value."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return text, None
    rest = text[end:].strip()
    return text[:end], rest.removeprefix("#").strip() if rest.startswith("#") else None


def _remember(found: dict[str, str], value: str, comment: str) -> None:
    try:
        names = json.loads(value)
    except ValueError:
        return
    for name in names if isinstance(names, list) else [names]:
        if isinstance(name, str):
            found[name] = comment
