"""Environments of slow tests are separate, made once, and made again after a crash in the middle."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.environments import environment


def test_an_environment_is_separate_and_made_once(tmp_path: Path) -> None:
    python = environment("empty", [], folder=tmp_path)
    code = "import sys, importlib.util as u; print(sys.prefix, u.find_spec('numpy') is None)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(python.parent.parent), "True"]
    kept = python.parent / "kept"
    kept.touch()
    assert environment("empty", [], folder=tmp_path) == python
    assert kept.exists()


def test_a_half_made_environment_is_made_again(tmp_path: Path) -> None:
    python = environment("empty", [], folder=tmp_path)
    (python.parent.parent / ".complete").unlink()
    rest = python.parent / "rest-of-a-crash"
    rest.touch()
    assert environment("empty", [], folder=tmp_path) == python
    assert not rest.exists()
