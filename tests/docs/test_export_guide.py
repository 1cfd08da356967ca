"""The guide to exporting does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "export.md"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(), re.S)


@pytest.mark.promise("export.graph")
def test_the_commands_and_the_programs_of_the_guide_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    visits, plan = rng.poisson(3, 900), rng.choice(["basic", "pro"], 900)
    days = pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 12, 31), eager=True)
    left = np.where(visits + rng.normal(size=900) + 2 * (plan == "basic") > 4, "yes", "no")
    columns = {"visits": visits, "plan": plan, "joined": days.sample(900, with_replacement=True, seed=1)}
    pl.DataFrame({**columns, "left": left}).write_parquet(tmp_path / "shop.parquet")
    made, entered, trained, exported = blocks("")[0].splitlines()
    assert entered == "cd shop"
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, *made.split()[1:])
    for command in (trained, exported, f"{exported} --dry-run"):
        said = run(tmp_path / "shop", *mlwright, *command.split()[1:])
    assert "not written" in said
    ask, again = blocks("python")
    predicted, model = run(tmp_path, sys.executable, "-c", ask).splitlines()
    assert predicted in ("yes (1, 2)", "no (1, 2)")
    assert model == "shop"
    assert run(tmp_path, sys.executable, "-c", again).split() == ["10000", "4000", "0"]
    assert (tmp_path / "shop/again.onnx").read_bytes() == (tmp_path / "shop/shop.onnx").read_bytes()
    run(tmp_path / "shop", *mlwright, "model", "import", "shop.onnx", "--name", "back")
