"""Queries to a real PostgreSQL server, on a socket of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.test_joined_families import CORE
from tests.environments import ROOT, environment
from tests.journey.conftest import wait_for

SCRIPT = Path(__file__).parent / "databases.py"
LIBRARIES = ["narwhals>=2.10", "sqlalchemy>=2.0,<3", "psycopg[binary]>=3.2,<4"]


def programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found and shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1] if found else Path(str(shutil.which("initdb"))).parent


@pytest.fixture
def socket() -> Iterator[Path]:
    """Start a server that listens on a socket in a short folder only; PostgreSQL refuses to run as root."""
    home = programs()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has 107 characters at most
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = str(folder / "data")
    made = [home / "initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync"]
    subprocess.run(made, check=True, user=user, cwd=folder, capture_output=True)
    command = [home / "postgres", "-D", data, "-k", str(folder), "-c", "listen_addresses="]
    server = subprocess.Popen(
        command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        asked = [home / "pg_isready", "-h", str(folder), "-U", "shop", "-q"]
        wait_for(lambda: subprocess.run(asked, check=False).returncode == 0, "PostgreSQL is ready")
        yield folder
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.promise("input.sql")
def test_a_project_learns_from_a_query_to_postgresql(socket: Path, tmp_path: Path) -> None:
    python = environment("databases", [*CORE, *LIBRARIES])
    done = subprocess.run(
        [python, "-W", "error", SCRIPT, socket, tmp_path],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
