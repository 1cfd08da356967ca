"""The Source port, and files as its first implementation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from mlwright.data.column_type import convert_columns, infer_types
from mlwright.data.files import ARROW_SUFFIXES, CSV_SUFFIXES, FORMATS_HINT, find_files
from mlwright.errors import ColumnRepeated, SourceUnreadable

MISSING_TEXTS = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-", "#N/A")


class Source(Protocol):
    """A place rows come from.

    `read` gives all rows, the same ones for the same stored bytes and in the same order; `paths` names the
    files behind them, for their digests. Both may be called from any thread, keep nothing open, and raise
    `SourceUnreadable` when rows cannot be had.
    """

    def paths(self) -> list[Path]:
        """Name the files behind the rows."""
        ...

    def read(self) -> pl.DataFrame:
        """Read all rows."""
        ...


@dataclass(frozen=True)
class FileSource:
    """Parquet, CSV or Arrow files, one after another; relative names start at `root`.

    >>> FileSource(Path("."), "data/*.parquet").read()  # doctest: +SKIP
    """

    root: Path
    source: str | tuple[str, ...]

    def paths(self) -> list[Path]:
        """Name the files in the order they are read."""
        return list(find_files(self.root, self.source))

    def read(self) -> pl.DataFrame:
        """Read all files; columns that a file lacks are null there, CSV values get the type they all fit."""
        tables = [_read_file(path) for path in self.paths()]
        if any(is_text for _, is_text in tables):
            return _typed(_stack([_as_text(frame) for frame, _ in tables]))
        return _stack([frame for frame, _ in tables])


def _stack(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as cause:
        raise SourceUnreadable(
            "the files of the source do not have the same columns", hint="make their types agree"
        ) from cause


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    kinds = {name: kind for name, kind in infer_types(frame, is_text=True).items() if kind is not None}
    typed = convert_columns(frame, kinds)
    return frame.select(typed[name] if name in kinds else pl.col(name) for name in frame.columns)


def _read_file(path: Path) -> tuple[pl.DataFrame, bool]:
    """Read one file; the second value says that every value is text, so types are still open."""
    suffix = path.suffix.lower()
    try:
        if not path.stat().st_size:
            raise SourceUnreadable(
                f"{path.name!r} is empty", hint="export the table again: a header and rows"
            )
        if suffix in {".parquet", ".pq"}:
            return pl.read_parquet(path), False
        if suffix in ARROW_SUFFIXES:
            return pl.read_ipc(path), False
        if suffix in CSV_SUFFIXES:
            return _read_csv(path), True
    except FileNotFoundError as cause:
        raise SourceUnreadable(f"there is no file {str(path)!r}", hint=FORMATS_HINT) from cause
    except (OSError, pl.exceptions.PolarsError) as cause:
        is_foreign = "utf-8" in str(cause).lower()
        raise SourceUnreadable(
            f"{path.name!r} cannot be read as {suffix.lstrip('.')}: {_first_line(cause)}",
            hint="save the file as UTF-8" if is_foreign else FORMATS_HINT,
        ) from cause
    raise SourceUnreadable(f"{path.name!r} has the unknown format {suffix!r}", hint=FORMATS_HINT)


def _read_csv(path: Path) -> pl.DataFrame:
    """Read every value as trimmed text; the usual marks of a missing value are null."""
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(path)
    names = _header(path, separator)
    frame = pl.read_csv(path, infer_schema=False, separator=separator)
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    trimmed = pl.all().str.strip_chars()
    return frame.with_columns(trimmed).with_columns(
        pl.when(pl.all().is_in(list(MISSING_TEXTS))).then(None).otherwise(pl.all()).name.keep()
    )


def _header(path: Path, separator: str) -> list[str]:
    """Read the names of the columns; one that is there twice would hide what the other holds."""
    cells = pl.read_csv(path, has_header=False, n_rows=1, infer_schema=False, separator=separator).row(0)
    names = [(cell or "").strip().lstrip("\ufeff") for cell in cells]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        places = [place for place, name in enumerate(names, 1) if name == repeated[0]]
        what = f"the name {repeated[0]!r}" if repeated[0] else "no name"
        raise ColumnRepeated(
            f"{len(places)} columns of {path.name!r} have {what}: {', '.join(map(str, places[:10]))}",
            hint="give each column a name of its own in the first line of the file",
            column=repeated[0],
        )
    return names


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    return max(",;\t|", key=lambda mark: (header.count(mark), mark == ","))


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.all().cast(pl.String, strict=False))


def _first_line(cause: Exception) -> str:
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
