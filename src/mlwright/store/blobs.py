"""Bytes and folders named by their content; publishing again after any crash succeeds.

A server's process imports this and lives on: libraries that few calls need are imported by those.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlwright.store.hashing import digest_bytes


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file so that a reader sees the old bytes or the new ones, never a part."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def publish_folder(staged: Path, final: Path) -> None:
    """Move a finished folder to its content-derived name; a taken name holds that content already."""
    for path in sorted(staged.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        staged.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        import shutil

        shutil.rmtree(staged)
    _sync_folder(final.parent)


class BlobStore:
    """Bytes kept under the name of their SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Keep bytes and give their name; keeping them twice is free."""
        digest = digest_bytes(data)
        path = self.path(digest)
        if not path.exists():
            write_atomic(path, data)
        return digest

    def put_file(self, source: Path, digest: str) -> None:
        """Keep a file whose digest is known, by moving it in."""
        target = self.path(digest)
        if target.exists():
            source.unlink(missing_ok=True)
            return
        self.root.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(target)
        _sync_folder(self.root)

    def path(self, digest: str) -> Path:
        """Tell where the bytes of a digest are."""
        return self.root / digest

    def get(self, digest: str) -> bytes:
        """Read the bytes of a digest."""
        return self.path(digest).read_bytes()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
