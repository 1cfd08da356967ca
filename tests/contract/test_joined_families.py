"""XGBoost and CatBoost join the portfolio where they are installed, and packages answer as they do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.environments import ROOT, environment

CORE = ["lightgbm>=4.6", "numpy>=2.1", "onnx>=1.19", "onnxruntime>=1.23", "polars>=1.35", "scikit-learn>=1.7"]
LIBRARIES = ["xgboost-cpu>=3.2,<4", "catboost>=1.2.8,<2"]
SCRIPT = Path(__file__).parent / "joined_families.py"
EXACT = 1e-12
EXPLAINED = 1e-5  # XGBoost adds its contributions as float32 numbers


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("families", [*CORE, *LIBRARIES])


def waves() -> pl.DataFrame:
    """Give a table that no linear model can learn."""
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 1_500))
    label = np.sin(3 * x) * y + 0.2 * rng.normal(size=1_500) > 0
    return pl.DataFrame({"x": x, "y": y, "shop": rng.choice(["a", "b", "c"], 1_500), "label": label})


def run(python: Path, folder: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [python, "-W", "error::FutureWarning", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.promise("train.families", "report.contributions")
def test_members_of_all_families_are_exact_alone_and_blended(python: Path, tmp_path: Path) -> None:
    found = json.loads(run(python, tmp_path, SCRIPT, tmp_path))
    assert len(found) == 3 * 7  # tasks; candidates and their blend
    assert max(one["difference"] for one in found) < EXACT
    assert max(one["unexplained"] for one in found) < EXPLAINED
    for one in found:
        if one["name"] != "blend":
            assert one["is_stopped_early"]
            assert (one["cut"], one["rounds"], one["is_repeatable"]) == (20, 30, True)


@pytest.mark.slow
@pytest.mark.promise("train.families")
def test_a_run_tries_the_families_that_are_installed_and_names_them(python: Path, tmp_path: Path) -> None:
    waves().write_csv(tmp_path / "waves.csv")
    for name in ("first", "second"):
        arguments = ("init", name, "--data", tmp_path / "waves.csv", "--label", "label")
        run(python, tmp_path, "-m", "mlwright", *arguments)
    results = [
        json.loads(run(python, tmp_path / name, "-m", "mlwright", "run", "--trials", "6", "--json"))
        for name in ("first", "second")
    ]
    assert results[0]["parity"]["label_flips"] == 0
    folders = [
        tmp_path / name / ".mlwright" / "packages" / result["digest"]
        for name, result in zip(("first", "second"), results, strict=True)
    ]
    training = json.loads((folders[0] / "evaluation.json").read_text())["training"]
    assert training["families"] == ["LightGBM", "XGBoost", "CatBoost", "forest", "network", "linear"]
    tried = {one["name"] for one in training["tried"]}
    assert {"linear", "lgb-31", "cat-6", "xgb-4"} <= tried
    first, second = (next(folder.glob("model.*")).read_bytes() for folder in folders)
    assert first == second
