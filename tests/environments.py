"""Python environments with libraries of others, made when a slow test first asks and kept in `.cache`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".cache" / "environments"


def environment(
    name: str,
    requirements: Sequence[str],
    *,
    no_deps: Sequence[str] = (),
    folder: Path = ENVIRONMENTS,
    interpreter: str = sys.executable,
) -> Path:
    """Give the Python of an environment with these packages; `no_deps` are installed without what they need.

    Its folder is `<name>-<hash of the packages and of the Python>`, so that other packages are another
    environment. Several test runs may ask at the same time: one makes it, the others wait.
    """
    which = sys.version if interpreter == sys.executable else interpreter
    wanted = json.dumps([sorted(requirements), sorted(no_deps), which])
    home = folder / f"{name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / ".complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _uv("venv", "--python", interpreter, str(home))
            for packages, more in ((requirements, ()), (no_deps, ("--no-deps",))):
                if packages:
                    _uv("pip", "install", "--compile-bytecode", "--python", str(python), *more, *packages)
            (home / ".complete").touch()
    return python


def _uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "uv"), *arguments, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
