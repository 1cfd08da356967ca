"""The guide to bringing a model does what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.unit.packaging.xgboost_documents import document, stump

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "bring-your-own-model.md"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(), re.S)


@pytest.mark.promise("model.import", "import.pipelines", "import.xgboost")
def test_the_commands_and_the_programs_of_the_guide_run(tmp_path: Path) -> None:
    made, entered, imported, served = blocks("")[0].splitlines()
    assert (entered, served) == ("cd served", "mlwright serve churn@1 --no-auth")
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, *made.split()[1:])
    project = tmp_path / "served"
    content = document([stump(0.5, -1.0, 1.0)], objective="binary:logistic", base="5E-1")
    (project / "model.json").write_text(json.dumps(content))
    run(project, *mlwright, *imported.split()[1:])
    program = "".join(blocks("python"))
    reference, rows, *differences = run(tmp_path, sys.executable, "-c", program).split()
    assert reference == "forest@1"
    assert int(rows) >= 10_000
    assert [float(difference) < 1e-12 for difference in differences] == [True, True]
    models = json.loads(run(project, *mlwright, "model", "list", "--json"))["versions"]
    assert sorted((item["reference"], item["framework"]) for item in models) == [
        ("churn@1", "xgboost"),
        ("forest@1", "scikit-learn"),
        ("reviews@1", "scikit-learn"),
    ]


@pytest.mark.promise("train.own")
def test_the_trainers_of_the_guide_train(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    amount, shop = rng.lognormal(3, 1, 600), rng.choice(["deli", "kiosk", "web"], 600)
    age = [None if rng.random() < 0.1 else value for value in rng.normal(40, 10, 600).tolist()]
    late = np.where(0.05 * amount + 2 * (shop == "web") + rng.normal(size=600) > 2.5, "yes", "no")
    table = pl.DataFrame({"amount": amount, "shop": shop, "age": age, "late": late})
    table.write_csv(tmp_path / "rows.csv")
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, "init", "shop", "--data", "rows.csv", "--label", "late")
    settings = (tmp_path / "shop" / "mlwright.toml").read_text()
    [line] = [line for line in blocks("toml")[0].splitlines() if line.startswith("trainer")]
    assert 'trainer = "portfolio"' in settings
    (tmp_path / "shop" / "mlwright.toml").write_text(settings.replace('trainer = "portfolio"', line))
    for program in blocks("python project"):
        name = re.match(r"# (\w+\.py)", program)
        assert name is not None
        (tmp_path / "shop" / name[1]).write_text(program)
    said = json.loads(run(tmp_path / "shop", *mlwright, "run", "--json"))
    assert said["ladder"][-1]["name"] == "shop_model:fit"
    assert said["parity"]["largest_difference"] < 1e-9
    (tmp_path / "shop" / "mlwright.toml").write_text(settings.replace("portfolio", "other_model:fit"))
    said = json.loads(run(tmp_path / "shop", *mlwright, "run", "--json"))
    assert said["ladder"][-1]["name"] == "other_model:fit"
