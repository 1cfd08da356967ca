"""The guide to bringing a model does what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

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
def test_the_commands_and_the_program_of_the_guide_run(tmp_path: Path) -> None:
    made, entered, imported, served = blocks("")[0].splitlines()
    assert (entered, served) == ("cd served", "mlwright serve churn@1 --no-auth")
    mlwright = [sys.executable, "-m", "mlwright"]
    run(tmp_path, *mlwright, *made.split()[1:])
    project = tmp_path / "served"
    content = document([stump(0.5, -1.0, 1.0)], objective="binary:logistic", base="5E-1")
    (project / "model.json").write_text(json.dumps(content))
    run(project, *mlwright, *imported.split()[1:])
    [program] = blocks("python")
    reference, rows, difference = run(tmp_path, sys.executable, "-c", program).split()
    assert reference == "forest@1"
    assert int(rows) >= 10_000
    assert float(difference) < 1e-12
    models = json.loads(run(project, *mlwright, "model", "list", "--json"))["versions"]
    assert sorted((item["reference"], item["framework"]) for item in models) == [
        ("churn@1", "xgboost"),
        ("forest@1", "scikit-learn"),
    ]
