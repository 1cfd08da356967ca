"""Versions of everything that takes part."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from peers.environments import VERSIONS

PROFILE = Path(__file__).parents[2] / "crates" / "mlwright-python" / "profile"


def describe_versions(*, peers: bool) -> dict[str, str]:
    """Give the versions of everything that takes part."""
    own = {
        "mlwright": version("mlwright"),
        "lightgbm": version("lightgbm"),
        "rustc": _compiler(),
        "python": platform.python_version(),
        "nginx": _said(["nginx", "-v"]).partition("/")[2],
        "wrk": _said(["wrk", "-v"]).split()[1],
        "h2load": _said(["h2load", "--version"]).partition("/")[2],
    }
    return own | (VERSIONS if peers else {})


def _compiler() -> str:
    """Give the compiler's version, and whether the recorded profile is one of it."""
    said = _said(["rustc", "--version"])
    fits = f"{said}\n" == (PROFILE / "compiler.txt").read_text(encoding="utf-8")
    return f"{said.split()[1]} {'with' if fits else 'without'} the recorded profile"


def _said(command: list[str]) -> str:
    program = shutil.which(command[0]) or f"/usr/sbin/{command[0]}"
    if not Path(program).exists():
        return "–/missing missing"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()[0].strip()
