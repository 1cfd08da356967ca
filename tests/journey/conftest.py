"""A command line, a table that anybody could have, and a server that is ended whatever happens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.serving.client import Client

BOUND_SECONDS = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs mlwright in a folder, in a process of its own, as a person does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "mlwright", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def good(self, *arguments: str) -> Any:
        """Run a command with --json that has to succeed; give its result."""
        done = self(*arguments, "--json")
        assert done.code == 0, done.out + done.err
        return done.json()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Client]:
        """Start `serve` or `up` on free ports; give a client once it is ready; drain it at the end."""
        output = self.folder / "server-output.txt"
        with output.open("w") as file:
            child = subprocess.Popen(
                [sys.executable, "-m", "mlwright", *arguments, "--port", "0", "--json"],
                cwd=self.folder,
                stdout=file,
                stderr=file,
            )
        try:
            ready = wait_for(lambda: _ready_event(output, child), "the server is ready")
            token_file = self.folder / ".mlwright" / "run" / "token"
            token = None if "--no-auth" in arguments else token_file.read_text().strip()
            port = int(str(ready["url"]).rpartition(":")[2])
            with Client(port, token) as client:
                yield client
        finally:
            child.terminate()
            child.wait(30)


def _ready_event(output: Path, child: subprocess.Popen[bytes]) -> Any:
    for line in output.read_text().splitlines():
        if line.startswith("{") and '"ready"' in line:
            return json.loads(line)
    assert child.poll() is None, output.read_text()
    return None


def wait_for(question: Callable[[], Any], what: str, seconds: float = BOUND_SECONDS) -> Any:
    """Ask until the answer is true; fail after a bound."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := question():
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {what}")


def customers(rows: int = 3_000, seed: int = 1) -> pl.DataFrame:
    """People who leave or stay: numbers, texts, a boolean, nulls and a date; learnable but noisy."""
    rng = np.random.default_rng(seed)
    tenure = rng.exponential(24, rows)
    plan = rng.choice(["basic", "plus", "pro"], rows, p=[0.5, 0.3, 0.2])
    calls = rng.poisson(2, rows)
    usage = np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(2, 1, rows))
    logit = (
        -1.2
        - 0.05 * tenure
        + 0.5 * calls
        + np.where(plan == "basic", 0.8, -0.3)
        - 0.02 * np.nan_to_num(usage)
    )
    return pl.DataFrame(
        {
            "Customer ID": [f"c{number:05d}" for number in range(rows)],
            "tenure": tenure.round(2),
            "plan": plan,
            "support calls": calls,
            "usage": pl.Series(usage).fill_nan(None),
            "paperless": rng.random(rows) < 0.4,
            "joined": pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 12, 31), eager=True).sample(
                rows, with_replacement=True, seed=seed
            ),
            "left": np.where(rng.random(rows) < 1 / (1 + np.exp(-logit)), "yes", "no"),
        }
    )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
