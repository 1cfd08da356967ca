"""Runs that are repeated, killed, or started twice at once end with the same package, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey.conftest import Shell, customers, wait_for

ASKED = ("run", "--trials", "3", "--seed", "5", "--json")
ROWS = 1_200


def project(folder: Path) -> Shell:
    folder.mkdir()
    shell = Shell(folder)
    customers(ROWS).write_parquet(folder / "customers.parquet")
    shell.good("init", "churn", "--data", "customers.parquet", "--label", "left")
    return Shell(folder / "churn")


def start(shell: Shell, name: str = "out.json") -> subprocess.Popen[bytes]:
    """Start a run in a process of its own, which writes its result into a file."""
    with (shell.folder / name).open("w") as out:
        return subprocess.Popen([sys.executable, "-m", "mlwright", *ASKED], cwd=shell.folder, stdout=out)


def packages(shell: Shell) -> dict[str, str]:
    """Give the SHA-256 of every file of every package."""
    root = shell.folder / ".mlwright" / "packages"
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def noted_folds(shell: Shell) -> dict[str, str]:
    """Give the folds that a run has noted, and when."""
    try:
        connection = sqlite3.connect(f"file:{shell.folder}/.mlwright/meta.sqlite?mode=ro", uri=True)
    except sqlite3.OperationalError:  # the run has not made it yet
        return {}
    try:
        rows = connection.execute("SELECT key, made_at FROM step_outputs WHERE key LIKE '%/lgb-31/%'")
        return dict(rows.fetchall())
    except sqlite3.OperationalError:  # nor its tables
        return {}
    finally:
        connection.close()


@pytest.mark.promise("train.trials", "train.resumes", "run.at-once")
def test_repeated_killed_and_simultaneous_runs_give_the_same_bytes(shell: Shell) -> None:
    plain = project(shell.folder / "plain")
    wanted = plain.good(*ASKED[:-1])
    bytes_wanted = packages(plain)
    assert any(name.startswith(wanted["digest"]) for name in bytes_wanted)

    killed = project(shell.folder / "killed")
    child = start(killed)
    before = wait_for(lambda: len(found := noted_folds(killed)) >= 2 and found, "two folds are noted")
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    before = noted_folds(killed)
    assert packages(killed) == {}
    resumed = killed.good(*ASKED[:-1])
    assert resumed["reference"] == "churn@1"
    after = noted_folds(killed)
    assert {key: after[key] for key in before} == before
    assert len(after) > 2
    assert packages(killed) == bytes_wanted

    both = project(shell.folder / "both")
    children = [start(both, name) for name in ("one.json", "other.json")]
    assert [one.wait(240) for one in children] == [0, 0]
    results = [json.loads((both.folder / name).read_text()) for name in ("one.json", "other.json")]
    assert {one["digest"] for one in results} == {wanted["digest"]}
    assert {one["reference"] for one in results} == {"churn@1"}
    assert packages(both) == bytes_wanted
    listed = both.good("model", "list")["versions"]
    assert [(one["reference"], one["aliases"]) for one in listed] == [("churn@1", ["champion"])]
