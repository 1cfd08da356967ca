"""Drive mlwright as a person does: the commands of the README, edits in mlwright.toml, nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminal import Terminal

COMMAND = (sys.executable, "-m", "mlwright")
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SECTION = re.compile(r"^\s*\[([^\]]+)\]")


class CommandFailed(Exception):
    """A command of the story did not end as the story needs."""


@dataclass(frozen=True)
class Service:
    """Where a running `mlwright up` listens and what proves that one may ask it."""

    pid: int
    host: str
    port: int
    token: str
    token_file: Path


class Product:
    """One project folder and the commands run in it."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self.folder = folder
        self._terminal = terminal

    def show(self, *arguments: str, cwd: Path | None = None) -> None:
        """Run a command and show it with everything it says; raise `CommandFailed` when it fails."""
        self._terminal.command("mlwright " + " ".join(arguments))
        child = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd or self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            self._terminal.output(line.rstrip())
        if child.wait() != 0:
            raise CommandFailed(f"`mlwright {' '.join(arguments)}` ended with exit code {child.returncode}")

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Run a command with --json and give its answer."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CommandFailed(f"`mlwright {' '.join(arguments)}` failed: {done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def edit(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        """Change settings in mlwright.toml and show the lines that changed."""
        path = self.folder / "mlwright.toml"
        before = path.read_text(encoding="utf-8")
        after = before
        for section, settings in sections.items():
            after = set_in_section(after, section, settings)
        path.write_text(after, encoding="utf-8")
        old = before.splitlines()
        self._terminal.command("edit mlwright.toml")
        shown = ""
        section_line = ""
        for line in after.splitlines():
            section_line = line if SECTION.match(line) else section_line
            if line not in old and line.strip():
                if section_line not in (shown, line):
                    self._terminal.output(section_line)
                shown = section_line
                self._terminal.output(f"  {line}" if line != section_line else line)

    def start(self) -> Service:
        """Start `mlwright up` as a process of its own and wait until it answers."""
        self._terminal.command("mlwright up &")
        run = self.folder / ".mlwright" / "run"
        run.mkdir(parents=True, exist_ok=True)
        with (self.folder / "up.log").open("wb") as log:
            child = subprocess.Popen(
                [*COMMAND, "up", "--port", "0"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and child.poll() is None:
            found = _read_json(run / "up.json")
            server = _read_json(run / "server.json")
            if found.get("pid") == child.pid and server.get("pid") == found.get("server_pid"):
                token_file = run / "token"
                host, port = str(server["host"]), int(server["port"])
                return Service(child.pid, host, port, token_file.read_text().strip(), token_file)
            time.sleep(0.05)
        log_text = (self.folder / "up.log").read_text(encoding="utf-8", errors="replace")
        raise CommandFailed(f"`mlwright up` did not start:\n{log_text[-2000:]}")

    def stop(self, pid: int) -> None:
        """Ask a running `mlwright up` to drain and end."""
        stop_process(pid)


def stop_left_over(folder: Path) -> None:
    """Stop the service that an earlier run of the story left in this folder."""
    pid = _read_json(folder / ".mlwright" / "run" / "up.json").get("pid")
    if isinstance(pid, int) and _is_up(pid):
        stop_process(pid)


def stop_process(pid: int) -> None:
    """Send SIGTERM and wait until the process is gone."""
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until and _is_up(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)


def set_in_section(text: str, section: str, settings: Mapping[str, str]) -> str:
    """Set keys in one [section] of a TOML text: replace their lines, or add them at the section's end."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if (m := SECTION.match(line)) and m[1].strip() == section]
    if not starts:
        lines += ["", f"[{section}]"]
        starts = [len(lines) - 1]
    begin = starts[0] + 1
    end = next((at for at in range(begin, len(lines)) if SECTION.match(lines[at])), len(lines))
    body = lines[begin:end]
    for key, value in settings.items():
        found = [at for at, line in enumerate(body) if re.match(rf"\s*{re.escape(key)}\s*=", line)]
        line = f"{key} = {value}"
        if found:
            body[found[0]] = line
        else:
            filled = [
                at for at, text in enumerate(body) if text.strip() and not text.lstrip().startswith("#")
            ]
            body.insert(filled[-1] + 1 if filled else 0, line)
    return "\n".join([*lines[:begin], *body, *lines[end:]]) + "\n"


def _is_up(pid: int) -> bool:
    """Tell whether a process is there and is an mlwright of ours, not another one with a reused number."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"mlwright" in command


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
