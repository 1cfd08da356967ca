"""Training code of one's own, from the command line: same folds, same gates, same package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

PIPELINE = """
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import settings


def fit(problem):
    print("fold", problem.fold, "of", len(problem.frame), "rows")
    columns = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["amount", "age"]),
        ("shop", OneHotEncoder(handle_unknown="ignore"), ["shop"]),
    ])
    model = make_pipeline(columns, LogisticRegression(C=settings.C))
    return model.fit(problem.frame, problem.target, logisticregression__sample_weight=problem.weight)
"""


def make(folder: Path, code: str, *, rows: int = 800) -> Path:
    """Give a project whose trainer is `mine:fit`."""
    rng = np.random.default_rng(3)
    amount, shop = rng.lognormal(3, 1, rows), rng.choice(["deli", "kiosk", "web"], rows)
    age = [None if rng.random() < 0.1 else value for value in rng.normal(40, 10, rows).tolist()]
    score = 0.05 * amount + 1.5 * (shop == "web") - 2
    label = np.where(rng.random(rows) < 1 / (1 + np.exp(-score)), "yes", "no")
    table = pl.DataFrame({"amount": amount, "shop": shop, "age": age, "fraud": label})
    table.write_parquet(folder / "rows.parquet")
    command = [sys.executable, "-m", "mlwright", "init", "shop", "--data", "rows.parquet", "--label", "fraud"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    root = folder / "shop"
    settings = (root / "mlwright.toml").read_text()
    assert 'trainer = "portfolio"' in settings
    (root / "mlwright.toml").write_text(settings.replace('trainer = "portfolio"', 'trainer = "mine:fit"'))
    (root / "settings.py").write_text("C = 1.0\n")
    (root / "mine.py").write_text(code)
    return root


def run(root: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "mlwright", "run", "--json", *options],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.promise("train.own", "train.own-edited", "train.own-gate")
def test_own_code_becomes_a_version_and_trains_again_only_when_it_was_edited(tmp_path: Path) -> None:
    root = make(tmp_path, PIPELINE)
    code, first, words = run(root)
    assert code == 0, words
    assert (first["reference"], first["moved"]) == ("shop@1", "champion")
    assert first["parity"]["rows"] == 640
    assert first["parity"]["largest_difference"] < 1e-9
    assert [rung["name"] for rung in first["ladder"]] == ["constant", "mine:fit"]
    assert first["ladder"][1]["value"] > first["ladder"][0]["value"] + 0.1
    [log] = (root / ".mlwright" / "trainer").glob("*.log")
    said = log.read_text().splitlines()
    assert said[-1] == "fold None of 640 rows"
    assert [line.split()[1] for line in said] == ["0", "1", "2", "3", "4", "None"][-len(said) :]
    assert run(root)[1]["digest"] == first["digest"]
    assert len(list(log.parent.glob("*.log"))) == 1
    (root / "settings.py").write_text("C = 0.01\n")
    code, second, words = run(root)
    assert code == 0, words
    assert second["digest"] != first["digest"]
    table = tmp_path / "rows.parquet"
    command = [sys.executable, "-m", "mlwright", "predict", "--model", "shop@1", "--data", table]
    subprocess.run([*command, "--out", tmp_path / "out.parquet"], cwd=root, check=True, capture_output=True)
    assert set(pl.read_parquet(tmp_path / "out.parquet")["prediction"]) == {"yes", "no"}


@pytest.mark.promise("train.own-errors")
def test_a_fault_of_own_code_is_an_error_with_its_place_and_a_file_with_its_traceback(tmp_path: Path) -> None:
    root = make(tmp_path, "def fit(problem):\n    return problem.frame['absent']\n", rows=300)
    status, said, spoken = run(root)
    assert (status, said["error"]["code"]) == (1, "training.trainer-failed")
    assert "mine:fit on fold 1 raised ColumnNotFoundError" in said["error"]["message"]
    assert "mine.py line 2" in said["error"]["message"]
    assert "Traceback" not in spoken
    assert Path(said["error"]["hint"].rpartition(" ")[2]).is_relative_to(root / ".mlwright" / "trainer")


@pytest.mark.promise("train.own-time")
def test_own_code_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    burning = "import subprocess, sys\ndef fit(problem):\n"
    burning += "    child = subprocess.Popen([sys.executable, '-c', 'while True: pass'])\n"
    burning += f"    open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n    child.wait()\n"
    root = make(tmp_path, burning, rows=300)
    status, said, _ = run(root, "--budget-cpu-s", "20")
    assert (status, said["error"]["code"]) == (1, "training.trainer-too-slow")
    assert "--budget-cpu-s" in said["error"]["hint"]
    stat = Path("/proc", (tmp_path / "child").read_text(), "stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
