"""The guide to the checks lists what there is, and its samples run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from mlwright.project import CheckName

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "checks.md"
NAMED = re.compile(r"(?:Finding|_finding)\(\s*\"([a-z_]+\.[a-z_]+)\"")


def run(folder: Path, *command: str, code: int = 0) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(), re.S)


@pytest.mark.promise("checks.guide")
def test_every_finding_and_every_check_stands_in_the_guide() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src" / "mlwright").rglob("*.py"))
    text = GUIDE.read_text()
    named = set(NAMED.findall(sources))
    assert len(named) > 35
    assert sorted(name for name in named if f"`{name}`" not in text) == []
    assert sorted(name for name in get_args(CheckName) if f"`{name}`" not in text) == []


@pytest.mark.promise("checks.guide", "checks.block")
def test_the_samples_of_the_guide_run(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    ordered = pl.datetime_range(pl.datetime(2023, 1, 1), pl.datetime(2023, 12, 31), "10h", eager=True)
    rows = len(ordered)
    distance, weight = random.exponential(100, rows), random.normal(5, 1, rows)
    late = (distance + 40 * random.normal(size=rows) > 110).astype(int)
    refunded = np.where((late == 1) & (random.random(rows) < 0.95), random.uniform(5, 50, rows), np.nan)
    columns = {"ordered": ordered, "distance": distance, "weight": weight, "refunded": refunded, "late": late}
    pl.DataFrame(columns).with_columns(pl.col("refunded").fill_nan(None)).write_parquet(
        tmp_path / "orders.parquet"
    )
    made, entered, first, again = blocks("")[0].splitlines()
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, *made.split()[1:])
    assert entered == "cd orders"
    project = tmp_path / "orders"

    assert "leak.column:refunded" in run(project, *mlwright, *first.split()[1:], code=3)
    found = json.loads(run(project, *mlwright, *again.split()[1:], code=3))["findings"]
    assert found[0]["key"] == "leak.column:refunded"
    [program] = blocks("python")
    assert "blocking | leak.column:refunded | leave it out" in run(tmp_path, sys.executable, "-c", program)

    [settings] = blocks("toml")
    config = project / "mlwright.toml"
    ignored, checks = settings.split("\n\n")
    text, changed = re.subn(r"(?m)^ignore = .*$", ignored.splitlines()[1], config.read_text())
    assert changed == 1
    config.write_text(text + "\n" + checks)
    run(project, *mlwright, *first.split()[1:])
