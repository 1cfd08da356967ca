"""Read what is new in a folder of log segments, a bounded piece at a time.

A cursor maps the name of a segment to the offset up to which it was read. Segments are named by the time
they began, so their order is the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias, TypeVar

from mlwright import native

Cursor: TypeAlias = dict[str, int]
Batch = TypeVar("Batch")

PIECE_BYTES = 32 * 1024 * 1024  # one segment is at most 64 MiB; a piece holds at least one


def cursor_from(folder: Path, since_us: int) -> Cursor:
    """Give the cursor that leaves out segments which ended before a time."""
    return {
        path.name: path.stat().st_size
        for path in folder.glob("*.log")
        if path.stat().st_mtime_ns // 1000 < since_us
    }


def read_pieces(
    folder: Path, cursor: Cursor, read: Callable[[str, Cursor], tuple[Batch, Cursor]]
) -> Iterator[Batch]:
    """Give what was added to a folder since `cursor`, which is moved along.

    Reading stops inside a segment at a frame that is not whole yet; the next call goes on there.
    """
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.log"))}
    for piece in _pieces(sizes, cursor):
        others = {name: size for name, size in sizes.items() if name not in piece}
        batch, moved = read(str(folder), {**others, **cursor, **_done(others, cursor)})
        for name in piece:
            cursor[name] = moved.get(name, cursor.get(name, 0))
        yield batch


def read_predictions(folder: str, cursor: Cursor) -> tuple[dict[str, list[object]], Cursor]:
    """Read predictions, one entry per row of a request."""
    return native.read_log(folder, cursor)


def read_feedback(
    folder: str, cursor: Cursor
) -> tuple[tuple[list[str], list[int], list[str], list[str]], Cursor]:
    """Read ids, arrival times in µs, kinds and JSON values of feedback."""
    return native.read_feedback(folder, cursor)


def _done(others: dict[str, int], cursor: Cursor) -> Cursor:
    return {name: max(size, cursor.get(name, 0)) for name, size in others.items()}


def _pieces(sizes: dict[str, int], cursor: Cursor) -> Iterator[list[str]]:
    piece: list[str] = []
    held = 0
    for name, size in sizes.items():
        new = size - cursor.get(name, 0)
        if new <= 0:
            continue
        if piece and held + new > PIECE_BYTES:
            yield piece
            piece, held = [], 0
        piece.append(name)
        held += new
    if piece:
        yield piece
