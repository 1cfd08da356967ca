"""Tables of pandas, Arrow and DuckDB, where they are installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.test_joined_families import CORE
from tests.environments import ROOT, environment

SCRIPT = Path(__file__).parent / "frames.py"


@pytest.mark.slow
@pytest.mark.promise("sdk.frames")
def test_tables_of_other_libraries_go_in_and_come_out(tmp_path: Path) -> None:
    libraries = ["narwhals>=2.10", "pandas>=3", "pyarrow>=22", "duckdb>=1.4"]
    python = environment("frames", [*CORE, *libraries])
    done = subprocess.run(
        [python, "-W", "error", SCRIPT, tmp_path],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
