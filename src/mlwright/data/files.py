"""Which files a source means, and their digests; imports no data frame library."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote

from mlwright.errors import SourceUnreadable
from mlwright.store import Database, digest_file

Format: TypeAlias = Literal["parquet", "csv", "arrow"]
FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
PACKED = ".gz"
FORMATS_HINT = (
    "mlwright reads .parquet, .csv, .tsv (also .gz) and .arrow/.feather files, a folder or a glob of them,"
    " or a database by its URL"
)
LAKES = {"_delta_log": "Delta Lake", "metadata/version-hint.text": "Iceberg", ".hoodie": "Hudi"}
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class DataFile:
    """A file with the values that its folders name, as in `year=2024/part-0.parquet`."""

    path: Path
    partition: tuple[tuple[str, str | None], ...] = ()


def file_format(path: Path) -> Format | None:
    """Tell by its name what a file holds.

    >>> file_format(Path("sales.CSV.gz")), file_format(Path("sales.xlsx"))
    ('csv', None)
    """
    name = path.name.lower()
    found = FORMATS.get(Path(name.removesuffix(PACKED)).suffix)
    return None if found != "csv" and name.endswith(PACKED) else found


def find_files(root: Path, source: str | Sequence[str]) -> tuple[DataFile, ...]:
    """Give the files of a source, sorted within each pattern; relative names start at `root`.

    Raises `SourceUnreadable` when a name or a pattern matches no file.
    """
    names = (source,) if isinstance(source, str) else tuple(source)
    found: dict[Path, DataFile] = {}
    for name in names:
        path = root / Path(name).expanduser()
        matches = [DataFile(path)] if path.is_file() else _matches(path)
        if not matches:
            raise SourceUnreadable(f"there is no data file {name!r}", hint=_missing_hint(path), source=name)
        for match in matches:
            resolved = match.path.resolve()
            found.setdefault(resolved, DataFile(resolved, match.partition))
    if not found:
        raise SourceUnreadable("the source names no file", hint="set `source` in [data] of mlwright.toml")
    return tuple(found.values())


def digest_files(database: Database, files: Sequence[DataFile]) -> list[str]:
    """Give the SHA-256 of each file, with the values that its folders name.

    A file whose size, time and inode are unchanged is not read again.
    """
    return [
        ":".join([_digest(database, file.path), *(f"{key}={value}" for key, value in file.partition)])
        for file in files
    ]


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


def _matches(path: Path) -> list[DataFile]:
    if path.is_dir():
        return list(_inside(path))
    parts = path.parts
    first = next((i for i, part in enumerate(parts) if any(mark in part for mark in "*?[")), None)
    if first is None:
        return []
    base = Path(*parts[:first])
    found = sorted(base.glob(str(Path(*parts[first:]))))
    return [_partitioned(item, base) for item in found if item.is_file()]


def _inside(folder: Path) -> Iterator[DataFile]:
    """Give the tables of a folder and of those in it; what begins with `_` or `.` is a writer's own."""
    for mark, system in LAKES.items():
        if (folder / mark).exists():
            raise SourceUnreadable(
                f"{folder.name!r} is a table of {system}, whose files are not all part of it",
                hint="write the table's present rows as Parquet, and name those",
            )
    for path in sorted(folder.rglob("*")):
        is_own = any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
        if not is_own and file_format(path) is not None and path.is_file():
            yield _partitioned(path, folder)


def _partitioned(path: Path, base: Path) -> DataFile:
    pairs = [part.split("=", 1) for part in path.relative_to(base).parts[:-1] if "=" in part]
    return DataFile(
        path, tuple((unquote(key), None if value == NO_VALUE else unquote(value)) for key, value in pairs)
    )


def _missing_hint(path: Path) -> str:
    if path.is_dir():
        return f"the folder holds no table; {FORMATS_HINT}"
    if path.parent.is_dir():
        near = difflib.get_close_matches(path.name, [item.name for item in path.parent.iterdir()], n=1)
        if near:
            return f"did you mean {near[0]!r}?"
    return FORMATS_HINT
