"""The guide to the report does what it says, and names every part of the page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "report.md"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(), re.S)


@pytest.mark.promise("report.page", "report.facts")
def test_the_samples_of_the_guide_run_and_every_part_of_the_page_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    visits, plan = rng.poisson(3, 900), rng.choice(["basic", "pro"], 900)
    left = np.where(visits + rng.normal(size=900) + 2 * (plan == "basic") > 4, "yes", "no")
    pl.DataFrame({"visits": visits, "plan": plan, "left": left}).write_parquet(tmp_path / "shop.parquet")
    made, entered, *commands = blocks("")[0].splitlines()
    assert entered == "cd shop"
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, *made.split()[1:])
    for command in commands:
        run(tmp_path / "shop", *mlwright, *command.split()[1:])
    page = (tmp_path / "shop" / "shop.html").read_text()
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert headings == re.findall(r"^\| ([A-Z][^|]+?) \|", GUIDE.read_text(), re.M)
    said = run(tmp_path, sys.executable, "-c", blocks("python")[0]).splitlines()
    assert sorted(line.split()[0] for line in said) == ["plan", "visits"]
    assert all(float(line.split()[2]) > 0 for line in said)
