"""A lock on a file that the operating system releases when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mlwright.errors import Locked


class FileLock:
    """Hold a file so that one process at a time does what it guards.

    `with FileLock(path, purpose="mlwright up"):` raises `Locked` at once when another process holds it.
    """

    def __init__(self, path: Path, *, purpose: str) -> None:
        self.path = path
        self.purpose = purpose
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+", encoding="utf-8")
        try:
            _lock(file)
        except OSError as cause:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise Locked(
                f"{self.purpose} runs already on this project (process {holder})",
                hint="stop that process first, or look at it with `mlwright status`",
                holder=holder,
            ) from cause
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform != "win32":
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
else:
    import msvcrt

    def _lock(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
