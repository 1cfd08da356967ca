"""The Source port, and files as its first implementation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from mlwright.data.column_type import convert_columns, infer_types
from mlwright.data.csv_table import read_csv
from mlwright.data.database_url import is_database_url, open_url
from mlwright.data.files import FORMATS_HINT, DataFile, file_format, find_files
from mlwright.data.sql_source import SqlSource
from mlwright.errors import SourceUnreadable, UsageError

ARROW_FILE = b"ARROW1"


class Source(Protocol):
    """A place rows come from.

    `read` gives all rows, the same ones in the same order for the same stored ones. It may be called from
    any thread, keeps nothing open, and raises `SourceUnreadable` when rows cannot be had.
    """

    def read(self) -> pl.DataFrame:
        """Read all rows."""
        ...


def open_source(
    root: Path,
    source: str | Sequence[str],
    sql: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Source:
    """Give the files or the query that a source means; relative names start at `root`.

    Raises `UsageError` for a database without a query, or a query without a database.

    >>> open_source(Path("shop"), "sqlite:///shop.db", "select * from orders").url
    'sqlite:///shop/shop.db'
    """
    names = (source,) if isinstance(source, str) else tuple(source)
    databases = [name for name in names if is_database_url(name)]
    if not databases:
        if sql is not None:
            raise UsageError("a query needs a database", hint="name it by its URL, like sqlite:///shop.db")
        return FileSource(root, names)
    if len(names) > 1:
        raise UsageError("a database must be the only source", hint="join its tables in the query")
    return SqlSource(open_url(names[0], root, os.environ if environ is None else environ), sql)


@dataclass(frozen=True)
class FileSource:
    """Parquet, CSV or Arrow files, one after another; relative names start at `root`.

    >>> FileSource(Path("."), "data/*.parquet").read()  # doctest: +SKIP
    """

    root: Path
    source: str | tuple[str, ...]

    def read(self) -> pl.DataFrame:
        """Read all files; columns that a file lacks are null there, CSV values get the type they all fit."""
        files = find_files(self.root, self.source)
        tables = [(_read_file(file.path), file) for file in files]
        frames = [_with_partition(frame, file) for frame, file in tables]
        if any(file_format(file.path) == "csv" for file in files):
            return _typed(_stack([_as_text(frame) for frame in frames]))
        parts = sorted({key for _, file in tables for key, _ in file.partition})
        return _typed(_stack(frames), parts) if parts else _stack(frames)


def _stack(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as cause:
        raise SourceUnreadable(
            "the files of the source do not have the same columns", hint="make their types agree"
        ) from cause


def _typed(frame: pl.DataFrame, names: Sequence[str] | None = None) -> pl.DataFrame:
    """Give texts (all of them, or those of some columns) the type that they are written in."""
    schema = frame.schema
    texts = [name for name in names or frame.columns if schema[name] == pl.String]
    kinds = infer_types(frame.select(texts), is_text=True)
    known = {name: kind for name, kind in kinds.items() if kind is not None}
    return frame.with_columns(convert_columns(frame, known).get_columns())


def _with_partition(frame: pl.DataFrame, file: DataFile) -> pl.DataFrame:
    """Add what the names of the folders say; a column of the file with that name wins."""
    return frame.with_columns(
        pl.lit(value, dtype=pl.String).alias(key) for key, value in file.partition if key not in frame.columns
    )


def _read_file(path: Path) -> pl.DataFrame:
    found = file_format(path)
    try:
        if not path.stat().st_size:
            raise SourceUnreadable(
                f"{path.name!r} is empty", hint="export the table again: a header and rows"
            )
        match found:
            case "parquet":
                return pl.read_parquet(path, hive_partitioning=False)
            case "arrow":
                return _read_arrow(path)
            case "csv":
                return read_csv(path)
    except FileNotFoundError as cause:
        raise SourceUnreadable(f"there is no file {str(path)!r}", hint=FORMATS_HINT) from cause
    except (OSError, pl.exceptions.PolarsError) as cause:
        raise SourceUnreadable(
            f"{path.name!r} cannot be read as {found}: {_first_line(cause)}", hint=FORMATS_HINT
        ) from cause
    raise SourceUnreadable(f"{path.name!r} has the unknown format {path.suffix!r}", hint=FORMATS_HINT)


def _read_arrow(path: Path) -> pl.DataFrame:
    """Read an Arrow file or an Arrow stream, whatever the name says."""
    with path.open("rb") as file:
        is_file = file.read(len(ARROW_FILE)) == ARROW_FILE
    return pl.read_ipc(path) if is_file else pl.read_ipc_stream(path)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.all().cast(pl.String, strict=False))


def _first_line(cause: Exception) -> str:
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
