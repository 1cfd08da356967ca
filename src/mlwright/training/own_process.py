"""The process in which training code of one's own runs: orders go in, and it ends with its time."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwright.errors import TrainerFailed, TrainerTooSlow

LOOK_S = 0.1  # between two looks at the CPU time of the process
LONGEST_S = 6 * 3_600  # of real time for one fit: code that waits uses no CPU time
PATIENCE = 20.0  # times its CPU seconds, and a minute, a fit may take in real time
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TICKS = os.sysconf("SC_CLK_TCK")


class OwnProcess:
    """A process that answers each order with a line of JSON.

    It is ended, with all that it started, when it uses more CPU seconds than an order allows.
    """

    def __init__(self, command: Sequence[str], *, root: Path, log: Path) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as words:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                cwd=root,
                env={**dict.fromkeys(THREADS, "1"), **os.environ},
                start_new_session=True,
            )

    def ask(self, order: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send an order and give its answer.

        Raises `TrainerTooSlow` when it takes more CPU seconds, `TrainerFailed` when the process ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began, before = time.monotonic(), self.used()
        longest = LONGEST_S if math.isinf(seconds) else 60.0 + PATIENCE * max(seconds, 0.0)
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: the empty line below says so
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while not waiting.select(LOOK_S):
                if self.used() - before > seconds or time.monotonic() - began > longest:
                    self.end()
                    raise self._too_slow(seconds, time.monotonic() - began)
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def used(self) -> float:
        """Give the CPU seconds of the process and of what it started, as far as the system tells."""
        return sum(_cpu_seconds(place) for place in _members(self._process.pid))

    def end(self) -> None:
        """End the process and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _too_slow(self, seconds: float, real: float) -> TrainerTooSlow:
        return TrainerTooSlow(
            f"the training code was ended: it had {max(seconds, 0.0):.1f} CPU seconds left, and took "
            f"{real:.0f} s",
            hint="give more with `--budget-cpu-s`, or do less: `problem.cpu_seconds` says how much there is",
            log=str(self._log),
        )

    def _ended(self) -> TrainerFailed:
        self._process.wait()
        status = self._process.returncode
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        words = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = f": {words[-1][:300]}" if words else ""
        return TrainerFailed(
            f"the process of the training code ended {how}{said}",
            hint=f"what it said is in {self._log}",
            log=str(self._log),
        )


def _members(leader: int) -> list[Path]:
    """Give the folders of a session's processes; of the leader alone where there is no list of them."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        fields = _fields(place)
        if fields is not None and int(fields[3]) == leader:
            found.append(place)
    return found


def _cpu_seconds(place: Path) -> float:
    fields = _fields(place)
    return 0.0 if fields is None else sum(int(ticks) for ticks in fields[11:15]) / TICKS


def _fields(place: Path) -> list[str] | None:
    """Read what the system says of a process, after its name; None when it is gone."""
    try:
        return (place / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
