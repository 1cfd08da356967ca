"""Integrations with libraries that may not be installed, found by their names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from mlwright.errors import ModelUnsupported
from mlwright.packaging.library import Library


def integration(name: str, wanted_by: str) -> Any:
    """Give the module of an integration. Raises `ModelUnsupported` where its library is not installed."""
    if importlib.util.find_spec(name) is None:
        raise ModelUnsupported(
            f"{wanted_by} needs {name}, which {sys.executable} does not have",
            hint=f"name an interpreter that has it with `--python`, or install `mlwright[{name}]`",
            library=name,
        )
    return importlib.import_module(f"mlwright.integrations.{name}")


def library_named(name: str) -> Library | None:
    """Give a library that answers for its own files, None where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return None
    found: Library = integration(name, name).library()
    return found
