"""The trainers for networks, by their worked example: each in an environment with its library."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_neural_models import TENSORFLOW, TORCH
from tests.environments import ROOT, environment

EXAMPLE = ROOT / "examples" / "networks"
PACKAGES = {"torch": TORCH, "keras": TENSORFLOW}


def beside(library: str) -> Path:
    """Give the interpreter of an environment with a library and what mlwright needs."""
    core = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    return environment(
        f"{library}-beside", [*PACKAGES[library], *[line.strip(' ",') for line in core.split()]]
    )


def commands() -> list[str]:
    found = re.findall(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.S)
    return [line for block in found for line in block.splitlines()]


def do(line: str, python: Path, folder: Path, *, allowed: tuple[int, ...] = (0,)) -> str:
    """Run a line of the README by an interpreter; `mlwright run` tells in JSON, a gate's no is 3."""
    words = line.split()
    variables = dict(word.split("=") for word in words if word.startswith("MLWRIGHT_"))
    words = [word for word in words if not word.startswith("MLWRIGHT_")]
    programs = {"python": [str(python)], "mlwright": [str(python), "-m", "mlwright"]}
    more = ["--json"] if words[:2] == ["mlwright", "run"] else []
    done = subprocess.run(
        [*programs.get(words[0], words[:1]), *words[1:], *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode in allowed, line + done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.promise("train.networks", "export.graph")
@pytest.mark.parametrize("library", PACKAGES)
def test_the_worked_example_becomes_a_version_that_answers_as_its_library(
    tmp_path: Path, library: str
) -> None:
    python, folder = beside(library), tmp_path / "networks"
    shutil.copytree(EXAMPLE, folder)
    made, created, entered, by_torch, predicted, by_keras, *_, copied, by_own = commands()
    assert entered == "cd returns"
    do(made, python, folder)
    do(created, python, folder)
    root = folder / "returns"
    said: dict[str, Any] = json.loads(do(by_torch if library == "torch" else by_keras, python, root))
    assert said["reference"] == "returns@1"
    assert said["parity"]["rows"] >= 3_000
    assert said["parity"]["largest_difference"] < 1e-9
    assert said["parity"]["label_flips"] == 0
    names = [rung["name"] for rung in said["ladder"]]
    assert names == ["constant", f"mlwright.integrations.{library}_table:fit"]
    assert said["metrics"]["auc"]["low"] > 0.6
    # What was trained beside its library answers where there is none.
    do(predicted, Path(sys.executable), root)
    do("mlwright model export returns@1 --to onnx --out returns.onnx", Path(sys.executable), root)
    if library == "torch":
        do(copied, python, root)
        assert json.loads(do(by_own, python, root, allowed=(0, 3)))["reference"] == "returns@2"


@pytest.mark.slow
@pytest.mark.promise("train.networks", "export.texts")
@pytest.mark.parametrize("library", PACKAGES)
def test_a_network_reads_sentences_in_the_worked_example(tmp_path: Path, library: str) -> None:
    python, folder = beside(library), tmp_path / "networks"
    shutil.copytree(EXAMPLE, folder)
    made, created, entered, by_torch, by_keras = commands()[6:11]
    assert entered == "cd advice"
    do(made, python, folder)
    do(created, python, folder)
    root = folder / "advice"
    said: dict[str, Any] = json.loads(do(by_torch if library == "torch" else by_keras, python, root))
    assert said["parity"]["largest_difference"] < 1e-9
    assert said["ladder"][-1]["name"] == f"mlwright.integrations.{library}_table:fit_text"
    assert said["metrics"]["auc"]["low"] > 0.7
    command = f"mlwright predict --model advice@1 --data {folder / 'reviews.parquet'} --out scores.parquet"
    do(command, Path(sys.executable), root)
    do("mlwright model export advice@1 --to onnx --out advice.onnx", Path(sys.executable), root)


@pytest.mark.promise("train.networks", "train.own-errors")
@pytest.mark.parametrize("library", PACKAGES)
def test_a_trainer_whose_library_is_not_installed_names_the_extra(library: str) -> None:
    from mlwright.errors import TrainerUnknown
    from mlwright.training.own_source import find_own_source

    with pytest.raises(TrainerUnknown, match="needs") as caught:
        find_own_source(library, ROOT)
    assert "mlwright[" in str(caught.value.hint)
