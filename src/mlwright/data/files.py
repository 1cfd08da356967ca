"""Which files a source means, and their digests; imports no data frame library."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from mlwright.errors import SourceUnreadable
from mlwright.store import Database, digest_file

CSV_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
ARROW_SUFFIXES = frozenset({".arrow", ".feather", ".ipc"})
SUFFIXES = frozenset({".parquet", ".pq"}) | CSV_SUFFIXES | ARROW_SUFFIXES
FORMATS_HINT = "mlwright reads .parquet, .csv, .tsv and .arrow/.feather files, a glob of them, or a list"


def find_files(root: Path, source: str | Sequence[str]) -> tuple[Path, ...]:
    """Give the files of a source, sorted within each pattern; relative names start at `root`.

    Raises `SourceUnreadable` when a name or a pattern matches no file.
    """
    names = (source,) if isinstance(source, str) else tuple(source)
    found: list[Path] = []
    for name in names:
        path = root / Path(name).expanduser()
        matches = [path] if path.is_file() else _matches(path)
        if not matches:
            raise SourceUnreadable(f"there is no data file {name!r}", hint=_missing_hint(path), source=name)
        found.extend(match.resolve() for match in matches)
    if not found:
        raise SourceUnreadable("the source names no file", hint="set `source` in [data] of mlwright.toml")
    return tuple(dict.fromkeys(found))


def digest_files(database: Database, paths: Sequence[Path]) -> list[str]:
    """Give the SHA-256 of each file; a file whose size, time and inode are unchanged is not read again."""
    return [_digest(database, path) for path in paths]


def _digest(database: Database, path: Path) -> str:
    about = path.stat()
    facts = (about.st_size, about.st_mtime_ns, about.st_ino)
    with database.read() as tx:
        row = tx.fetch_one("SELECT * FROM file_index WHERE path = ?", (str(path),))
    if row is not None and (row["size"], row["mtime_ns"], row["inode"]) == facts:
        return str(row["digest"])
    digest = digest_file(path)
    with database.write() as tx:
        tx.execute(
            "INSERT OR REPLACE INTO file_index (path, size, mtime_ns, inode, digest) VALUES (?, ?, ?, ?, ?)",
            (str(path), *facts, digest),
        )
    return digest


def _matches(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(item for item in path.iterdir() if item.suffix.lower() in SUFFIXES)
    parts = path.parts
    first = next((i for i, part in enumerate(parts) if any(mark in part for mark in "*?[")), None)
    if first is None:
        return []
    base = Path(*parts[:first])
    return sorted(item for item in base.glob(str(Path(*parts[first:]))) if item.is_file())


def _missing_hint(path: Path) -> str:
    if path.parent.is_dir():
        near = difflib.get_close_matches(path.name, [item.name for item in path.parent.iterdir()], n=1)
        if near:
            return f"did you mean {near[0]!r}?"
    return FORMATS_HINT
