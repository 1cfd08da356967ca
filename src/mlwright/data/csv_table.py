"""CSV files as people have them: any usual separator, encoding, quoting, decimal mark; plain or packed."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from pathlib import Path

import polars as pl

from mlwright.data.files import PACKED
from mlwright.data.number_text import write_plainly
from mlwright.errors import ColumnRepeated, SourceUnreadable

MISSING_TEXTS = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-", "#N/A")
SEPARATORS = ",;\t|"
MARKS = (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"))
HEAD_BYTES = 65_536
FEWEST_NAMES = 2  # in one column, its name may be a value


def read_csv(path: Path) -> pl.DataFrame:
    """Read every value as trimmed text; the usual marks of a missing value are null.

    Numbers with a decimal comma, with commas between thousands, or with a currency or percent, are written
    the plain way; a header that stands between the rows again is left out. Raises `SourceUnreadable`,
    `ColumnRepeated`.
    """
    content = _content(path)
    head = content[:HEAD_BYTES] if isinstance(content, bytes) else _head(content)
    separator, skipped = _separator(path, head)
    frame = _parse(content, separator, skipped)
    names = [name.strip().lstrip("\ufeff") for name in frame.row(0)] if frame.height else []
    if not any(names):
        raise SourceUnreadable(f"{path.name!r} has no header", hint="export the table again: header and rows")
    _check_names(names, path)
    frame = frame[1:].rename(dict(zip(frame.columns, names, strict=True)))
    frame = _without_headers(frame.with_columns(pl.all().str.strip_chars()))
    frame = frame.with_columns(
        pl.when(pl.all().is_in(list(MISSING_TEXTS))).then(None).otherwise(pl.all()).name.keep()
    )
    return write_plainly(frame, is_comma_decimal=separator == ";")


def _without_headers(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out rows that repeat the header, as files have that were put together."""
    first = frame.columns[0]
    if frame.width < FEWEST_NAMES or not (frame[first] == first).any():
        return frame
    return frame.filter(~pl.all_horizontal(pl.col(name) == pl.lit(name) for name in frame.columns))


def _content(path: Path) -> bytes | Path:
    """Give the file itself where it is UTF-8 as far as its head tells, else its text in UTF-8."""
    if path.name.lower().endswith(PACKED):
        try:
            data = gzip.decompress(path.read_bytes())
        except (EOFError, zlib.error, gzip.BadGzipFile) as cause:
            raise SourceUnreadable(
                f"{path.name!r} is not whole: {cause}", hint="copy or download the file again"
            ) from cause
        return _utf8(data)
    head = _head(path)
    return _utf8(path.read_bytes()) if head.startswith((b"\xff\xfe", b"\xfe\xff")) else path


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _utf8(data: bytes) -> bytes:
    """Turn bytes into UTF-8: by their mark, else as they are, else as Windows and Western Europe write.

    The last is done line by line, because files are put together from several.
    """
    for encoding, mark in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace").encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        return b"".join(map(_utf8_line, data.splitlines(keepends=True)))
    return data


def _utf8_line(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace").encode()
    return line


def _parse(content: bytes | Path, separator: str, skipped: int) -> pl.DataFrame:
    """Read the header as a row like the others, so that repeated names are seen."""
    try:
        return _read(content, separator, skipped)
    except pl.exceptions.ComputeError as problem:
        data = content.read_bytes() if isinstance(content, Path) else content
        if "utf-8" in str(problem):
            return _parse(_utf8(data), separator, skipped)
        return _read_leniently(data.decode(errors="replace"), separator, skipped, problem)


def _read(content: bytes | Path, separator: str, skipped: int) -> pl.DataFrame:
    return pl.read_csv(
        content, has_header=False, infer_schema=False, separator=separator, skip_lines=skipped
    ).with_columns(pl.all().fill_null(""))


def _read_leniently(text: str, separator: str, skipped: int, problem: Exception) -> pl.DataFrame:
    """Read what has a quote in the middle of a value; rows longer than the header are refused."""
    csv.field_size_limit(2**31 - 1)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row][skipped:]
    if not rows:
        raise problem
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) > width:
            raise SourceUnreadable(
                f"row {number} has {len(row)} values, the header has {width}",
                hint=f"put values that hold {separator!r} in quotes"
                if width > 1
                else "delete what stands before the header",
            )
    padded = ([*row, *[""] * (width - len(row))] for row in rows)
    columns = list(zip(*padded, strict=True))
    return pl.DataFrame({f"column_{place}": values for place, values in enumerate(columns)})


def _separator(path: Path, head: bytes) -> tuple[str, int]:
    """Guess the separator from the header, and say how many lines stand before it."""
    lines = _utf8(head).decode(errors="replace").splitlines()
    line = lines[0] if lines else ""
    if said := re.fullmatch(r'"?sep=(.)"?', line.strip()):
        return said[1], 1
    if re.search(r"\.tsv(\.gz)?$", path.name.lower()):
        return "\t", 0
    outside = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=lambda mark: (outside.count(mark), mark == ",")), 0


def _check_names(names: list[str], path: Path) -> None:
    """Refuse a name that is there twice: one column would hide what the other holds."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        places = [place for place, name in enumerate(names, 1) if name == repeated[0]]
        what = f"the name {repeated[0]!r}" if repeated[0] else "no name"
        raise ColumnRepeated(
            f"{len(places)} columns of {path.name!r} have {what}: {', '.join(map(str, places[:10]))}",
            hint="give each column a name of its own in the first line of the file",
            column=repeated[0],
        )
