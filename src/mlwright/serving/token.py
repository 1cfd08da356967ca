"""Secrets that callers and operators show to the server, made once per project."""

from __future__ import annotations

from pathlib import Path

from mlwright.store import write_atomic

TOKEN_BYTES = 32


def ensure_token(path: Path) -> str:
    """Give the token kept in a file that only its owner reads, making it the first time."""
    token = read_token(path)
    if token is None:
        import secrets  # OpenSSL and 3 MB, needed once in the life of a project

        token = secrets.token_urlsafe(TOKEN_BYTES)
        write_atomic(path, (token + "\n").encode(), mode=0o600)
    return token


def read_token(path: Path) -> str | None:
    """Give the token kept in a file, None when there is none yet."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
