"""The digest of the code that steps run, so that an upgrade never reuses an old result."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import mlwright.errors


@cache
def code_digest() -> str:
    """Give the SHA-256 over every source file and the compiled module of the installed package."""
    root = Path(mlwright.errors.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".sql", ".j2", ".so", ".pyd"} and "cli" not in path.relative_to(root).parts:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
