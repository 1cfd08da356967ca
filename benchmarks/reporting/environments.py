"""Where packages of others live: one environment each, made on first use and kept in `.cache`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Debian's interpreter is built with profile-guided optimisation; one built without it would flatter mlwright.
DEBIAN_PYTHON = Path("/usr/bin/python3.11")
INTERPRETER = str(DEBIAN_PYTHON) if DEBIAN_PYTHON.exists() else sys.executable


def environment(name: str, requirements: tuple[str, ...], *, no_deps: tuple[str, ...] = ()) -> Path:
    """Give the Python of an environment with these packages, as the slow tests make theirs."""
    spec = importlib.util.spec_from_file_location("test_environments", ROOT / "tests" / "environments.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    python: Path = module.environment(name, requirements, no_deps=no_deps, interpreter=INTERPRETER)
    return python
