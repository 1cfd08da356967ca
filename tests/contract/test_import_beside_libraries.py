"""Where the library of a model is installed, an import is held to its word too."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT, environment

CORE = ["lightgbm>=4.6", "numpy>=2.1", "onnx>=1.19", "onnxruntime>=1.23", "polars>=1.35", "scikit-learn>=1.7"]
LIBRARIES = ["xgboost-cpu>=3.2,<4", "catboost>=1.2.8,<2", "pandas"]
SCRIPTS = Path(__file__).parent


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("importing", [*CORE, *LIBRARIES])


def run(python: Path, folder: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.promise("import.xgboost", "import.catboost")
@pytest.mark.parametrize(
    ("framework", "commands", "names"),
    [
        ("xgboost", ("train", "frame"), ("softprob.json", "stopped.ubj", "dart.json", "frame.model")),
        ("catboost", ("train",), ("one-hot.json", "one-hot-depthwise.json", "lossguide.json", "rmse.json")),
    ],
)
def test_an_import_says_that_its_library_agreed(
    python: Path, tmp_path: Path, framework: str, commands: tuple[str, ...], names: tuple[str, ...]
) -> None:
    run(python, tmp_path, "-m", "mlwright", "init", "held", "--empty")
    for command in commands:
        run(python, tmp_path, SCRIPTS / f"{framework}_models.py", command, tmp_path)
    for name in names:
        arguments = ("-m", "mlwright", "model", "import", tmp_path / name, "--framework", framework, "--json")
        result = json.loads(run(python, tmp_path / "held", *arguments))
        assert result["compared_with"].startswith(f"{framework} ")
        assert result["compared_with"].endswith("and the trees of the file")
