"""Where Optuna is installed, it draws the candidates that come after the portfolio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.test_joined_families import CORE, run, waves
from tests.environments import environment

SCRIPT = Path(__file__).parent / "drawn_settings.py"
TRIALS = "9"  # the portfolio of the default install, the linear model and two more


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("optuna", [*CORE, "optuna>=4.5,<6"])


@pytest.mark.slow
@pytest.mark.promise("train.sampler")
def test_draws_go_where_losses_were_low_and_repeat(python: Path, tmp_path: Path) -> None:
    found = json.loads(run(python, tmp_path, SCRIPT))
    assert found["is_repeatable"]
    assert found["drawn"] < 0.7 * found["random"]


@pytest.mark.slow
@pytest.mark.promise("train.sampler")
def test_equal_trials_give_equal_packages_and_name_the_library(python: Path, tmp_path: Path) -> None:
    waves().head(600).write_csv(tmp_path / "waves.csv")
    digests = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        table = ("--data", tmp_path / "waves.csv", "--label", "label")
        run(python, tmp_path / name, "-m", "mlwright", "init", "waves", *table)
        folder = tmp_path / name / "waves"
        said = json.loads(run(python, folder, "-m", "mlwright", "run", "--trials", TRIALS, "--json"))
        digests.append(said["digest"])
    assert digests[0] == digests[1]
    package = folder / ".mlwright" / "packages" / digests[0]
    evaluation = json.loads((package / "evaluation.json").read_text())
    names = [one["name"] for one in evaluation["training"]["tried"]]
    assert "lgb-tpe-1" in names
    assert "optuna" in json.loads((package / "manifest.json").read_text())["provenance"]["libraries"]
