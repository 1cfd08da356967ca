"""A run is a function of its inputs: the same package in any folder, and the first run stays known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlwright.commands.init import InitRequest, init
from mlwright.commands.run import RunRequest, RunResult, run
from mlwright.pipeline import Silent
from mlwright.project import find_project
from mlwright.registry import Registry
from tests.unit.data.tables import transactions


def start(folder: Path, name: str = "fraud") -> Path:
    folder.mkdir(exist_ok=True)
    data = folder.parent / "payments.parquet"
    if not data.exists():
        transactions().write_parquet(data)
    wishes = {"label": "is_fraud", "time": "ts"}
    return init(InitRequest(name, folder, data=(str(data),), **wishes)).root  # type: ignore[arg-type]  # wishes are texts


def learn(project: Path, **more: int) -> RunResult:
    return run(RunRequest(project, **more), Silent())


@pytest.mark.promise("run.package", "run.cached")
def test_the_same_inputs_are_the_same_package_in_any_folder_at_any_time(tmp_path: Path) -> None:
    first = start(tmp_path / "a")
    second = tmp_path / "b" / "fraud"
    shutil.copytree(first, second)
    assert learn(first).digest == learn(second).digest
    evaluation = find_project(first).packages / learn(first).digest / "evaluation.json"
    assert "cpu_seconds" not in evaluation.read_text()
    assert json.loads(evaluation.read_text())["ladder"]


@pytest.mark.promise("run.cached", "run.champion")
def test_the_first_run_stays_known_after_another_version_became_champion(tmp_path: Path) -> None:
    project = start(tmp_path / "a")
    assert (learn(project).reference, learn(project, seed=8).reference) == ("fraud@1", "fraud@2")
    registry = Registry(find_project(project).database)
    registry.move_alias("fraud", "champion", 2, actor="test", reason="a rollout ended well")
    again = learn(project)
    assert again.is_cached
    assert (again.reference, again.champion) == ("fraud@1", "")
    assert len(registry.versions("fraud")) == 2


@pytest.mark.promise("run.package")
def test_a_package_that_was_removed_is_made_again(tmp_path: Path) -> None:
    project = start(tmp_path / "a")
    digest = learn(project).digest
    folder = find_project(project).packages / digest
    shutil.rmtree(folder)
    again = learn(project)
    assert (again.digest, again.reference, folder.is_dir()) == (digest, "fraud@1", True)


@pytest.mark.promise("run.gate")
@pytest.mark.parametrize(
    "change", [("threshold = 0.5", "threshold = 0.9"), ("tolerance = 0.01", "tolerance = 0.02")]
)
def test_the_same_model_with_another_threshold_or_gate_is_compared_with_the_champion(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    project = start(tmp_path / "a")
    assert learn(project).champion == ""
    registry = Registry(find_project(project).database)
    registry.move_alias("fraud", "champion", 1, actor="test", reason="it will do")
    settings = project / "mlwright.toml"
    text = settings.read_text()
    assert change[0] in text
    # The table is too small to be better than a constant, which is not what is asked here.
    settings.write_text(text.replace(*change) + '\n[checks]\noff = ["ladder"]\n')
    second = learn(project)
    assert (second.reference, second.champion, second.moved) == ("fraud@2", "fraud@1", "candidate")
    assert "no_worse_than" in json.dumps(second.gates)
    assert learn(project).is_cached
