"""Open a file that can run code in a process of its own, and ask its model from here.

The process is started by the interpreter that has the library, cut off before it imports anything, and speaks
lines of JSON. What it writes is read as data only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mlwright.packaging.isolation as start
from mlwright.errors import ImportTooLong, LibraryMismatch, ModelDamaged, ModelUnsupported
from mlwright.packaging.conversion import Conversion, Tensors
from mlwright.packaging.graph_run import Tensor
from mlwright.packaging.kernel_json import kernel_from_json

LONGEST_S = 1_800
KEPT_VARIABLES = (
    "PATH",
    "LD_LIBRARY_PATH",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "OMP_NUM_THREADS",
    "KERAS_BACKEND",
)
LAST_WORDS = 400
REFUSALS = {error.code: error for error in (LibraryMismatch, ModelDamaged)}


@dataclass(frozen=True)
class WorkerRequest:
    """Which file, in which format, by which interpreter."""

    file: Path
    format: str
    is_trusted: bool
    python: Path | None
    inputs: tuple[str, ...]


@contextmanager
def converted_apart(request: WorkerRequest) -> Iterator[tuple[Conversion, str]]:
    """Give a conversion whose answers come from another process, and how that process is cut off.

    Raises `ModelUnsupported` with the process's words.
    """
    with tempfile.TemporaryDirectory(prefix="mlwright-import-") as folder:
        worker = _Worker(request, Path(folder))
        try:
            said = worker.hear()
            data = (Path(folder) / "model").read_bytes()
            model = data if said["kernel"] is None else kernel_from_json(said["kernel"], data)
            yield (
                Conversion(model, worker.ask, str(said["library"]), str(said["kind"])),
                str(said["isolation"]),
            )
        finally:
            worker.stop()


class _Worker:
    def __init__(self, request: WorkerRequest, folder: Path) -> None:
        self._request, self._folder, self._asked = request, folder, 0
        self._python = str(request.python or sys.executable)
        self._errors = (folder / "stderr").open("w+", encoding="utf-8", errors="replace")
        try:
            self._process = subprocess.Popen(
                [self._python, "-I", str(start.__file__), json.dumps(self._order())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as cause:
            self._errors.close()
            raise ModelUnsupported(
                f"the interpreter {self._python!r} does not start: {cause.strerror}",
                hint="give the path of a Python with `--python`",
            ) from cause
        self._is_late = False
        self._timer = threading.Timer(LONGEST_S, self._end_late)
        self._timer.daemon = True
        self._timer.start()

    def _order(self) -> dict[str, object]:
        package = Path(start.__file__).parents[2]
        return {
            "file": str(self._request.file.resolve()),
            "format": self._request.format,
            "is_trusted": self._request.is_trusted,
            "inputs": list(self._request.inputs),
            "folder": str(self._folder),
            "paths": [str(package), *(path for path in sys.path if path.endswith("site-packages"))],
        }

    def _environment(self) -> dict[str, str]:
        """Give what libraries need to run, and no secret of this process."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        home = str(self._folder)
        return {**kept, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}

    def hear(self) -> dict[str, Any]:
        """Read one answer. Raises `ModelUnsupported` for a refusal, and for a process that ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            if self._is_late:
                raise ImportTooLong(
                    f"the process that opened {self._request.file.name!r} took longer than {LONGEST_S} s",
                    hint="open the file with the same interpreter, and see what it waits for",
                )
            raise ModelUnsupported(
                f"the process that opened {self._request.file.name!r} ended with status "
                f"{self._process.returncode}: {self._last_words()}",
                hint="open the file with the same interpreter, and look at the memory that it needs",
            )
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise ModelUnsupported(
                f"{self._python!r} cannot convert: {said['error']}", hint="choose another with `--python`"
            )
        if "refused" in said:
            error = REFUSALS.get(str(said.get("code")), ModelUnsupported)
            raise error(str(said["refused"]), hint=str(said["hint"]))
        return said

    def ask(self, tensors: Tensors) -> list[Tensor]:
        """Send rows and give the library's answers."""
        assert self._process.stdin is not None
        self._asked += 1
        arrays = {
            name: values.astype(str) if values.dtype.kind == "O" else values
            for name, values in tensors.items()
        }
        np.savez(self._folder / f"rows-{self._asked}.npz", **arrays)  # type: ignore[arg-type]
        try:
            self._process.stdin.write(json.dumps({"ask": self._asked}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended; its last words are in what follows
        outputs = int(self.hear()["outputs"])
        with np.load(self._folder / f"answers-{self._asked}.npz", allow_pickle=False) as given:
            found = [given[str(place)] for place in range(outputs)]
        return [values.astype(object) if values.dtype.kind == "U" else values for values in found]

    def stop(self) -> None:
        """End the process and everything that it started."""
        self._timer.cancel()
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def _end_late(self) -> None:
        self._is_late = True
        self._kill()

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1][:LAST_WORDS] if lines else "it said nothing"
