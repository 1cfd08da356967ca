"""A run in a process of its own, at lower priority, that outlives a killed supervisor and is found again.

The child's standard output is a file that is locked by being inherited: while the lock is held the run goes
on, whoever started it; when it is free, the file holds the result, or nothing and the run is started again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlwright.lifecycle.trigger import OpenFiring
from mlwright.project import Project

RUN = (sys.executable, "-P", "-m", "mlwright", "run")
NICENESS = 10
GATE_SAID_NO = 3
END_SECONDS = 10.0


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: with a version, a verdict and findings, or with an error."""

    succeeded: bool
    result: dict[str, object]

    @property
    def run_id(self) -> str | None:
        """Give the id of the run, if it got as far as having one."""
        found = self.result.get("run_id", self.result.get("run"))
        return found if isinstance(found, str) else None

    @property
    def summary(self) -> str:
        """Say in a few words what came of it."""
        error = self.result.get("error")
        if isinstance(error, dict):
            return str(error.get("message", "failed"))
        version = self.result.get("reference", self.result.get("version", "a version"))
        return f"{version}: {self.result.get('verdict', 'done')}"


class Retraining:
    """The one run that the control loop may have going."""

    def __init__(self, project: Project, command: Sequence[str] = RUN) -> None:
        self.project = project
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._started: OpenFiring | None = None

    def start(self, firing: OpenFiring) -> int:
        """Start the run of a firing; give its process id."""
        self._started = firing
        output = self._output(firing)
        output.parent.mkdir(parents=True, exist_ok=True)
        reason = f"trigger {firing.trigger!r}: {firing.cause}"
        options = ["--json", "--reason", reason, "--project", str(self.project.root)]
        with output.open("wb") as result, output.with_suffix(".log").open("wb") as talk:
            _hold(result.fileno())
            self._child = subprocess.Popen(
                [*self._command, *options],
                stdin=subprocess.DEVNULL,
                stdout=result,
                stderr=talk,
                start_new_session=True,
            )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)
        return self._child.pid

    def look(self, firing: OpenFiring) -> RunEnd | None:
        """Give how the run of a firing ended, None while it goes on; a lost run is started again."""
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return None
            self._child = None
            result = _read_result(self._output(firing))
            if result is None:
                error: dict[str, object] = {"error": {"message": f"the run ended with exit code {code}"}}
                return RunEnd(succeeded=False, result=error)
            return RunEnd(code in (0, GATE_SAID_NO), result)
        if _is_held(self._output(firing)):
            return None
        result = _read_result(self._output(firing))
        if result is not None:
            return RunEnd("error" not in result, result)
        self.start(firing)
        return None

    def stop(self) -> None:
        """End the run in order; the journal still has it open, so the next supervisor resumes it."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None
        if self._started is not None:
            self._output(self._started).unlink(missing_ok=True)  # what it said of its end is no result

    def _output(self, firing: OpenFiring) -> Path:
        return self.project.run_folder / "retrain" / f"{firing.id}.json"


def _read_result(path: Path) -> dict[str, object] | None:
    """Read the last of the JSON values that a run wrote, None when it was cut off."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    found: object = None
    while text:
        try:
            found, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            return None
        text = text[end:].lstrip()
    return found if isinstance(found, dict) else None


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        return not _try_hold(file.fileno())


if sys.platform != "win32":
    import fcntl

    def _hold(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _try_hold(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
else:

    def _hold(descriptor: int) -> None:
        del descriptor

    def _try_hold(descriptor: int) -> bool:
        del descriptor
        return True
