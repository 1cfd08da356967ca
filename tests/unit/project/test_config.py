"""Settings are read strictly and say where a mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.errors import ConfigError, ProjectNotFound
from mlwright.project import config_schema, find_project, load_config, origins

GOOD = """\
[project]
name = "fraud"

[data]
source = "tx.parquet"
label = "is_fraud"
split = { by = "ts", test_days = 30 }

[gates.quality]
metric = "average_precision"
at_least = 0.3

[deployment.production]
model = "fraud@champion"
rollout = { steps = [5, 25], hold_minutes = 1 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mlwright.toml"
    path.write_text(text)
    return path


def test_a_config_is_read_into_values(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.data.split.test_days == 30.0
    assert config.deployment["production"].rollout.steps == (5.0, 25.0)
    assert config.gates["quality"].no_worse_than is None


@pytest.mark.promise("config.strict")
@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('label = "is_fraud"', 'lable = "is_fraud"', 6, "did you mean 'label'?"),
        ("at_least = 0.3", "at_last = 0.3", 11, "did you mean 'at_least'?"),
        ("[gates.quality]", "[gate.quality]", 9, "did you mean 'gates'?"),
        ('metric = "average_precision"', 'metric = "avg_precision"', 10, "'average_precision'"),
        ("hold_minutes = 1", "hold_minuts = 1", 15, "did you mean 'hold_minutes'?"),
        ("at_least = 0.3", 'at_least = "much"', 11, "a number"),
        ("[gates.quality]", "[gates.checks]", 9, "choose another name"),
        ("[gates.quality]", '[checks]\noff = ["leaks"]\n[gates.quality]', 10, "'leak'"),
        ('name = "fraud"', "name = 3", 2, "a text"),
        ('source = "tx.parquet"', "source = 3", 5, "a text"),
    ],
)
def test_a_mistake_names_its_line_and_the_way_out(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD.replace(old, new)))
    assert caught.value.facts["line"] == line
    assert said in caught.value.hint


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'gates.quality' lacks the key 'metric'"):
        load_config(write(tmp_path, GOOD.replace('metric = "average_precision"\n', "")))


def test_broken_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(write(tmp_path, "[project"))


def test_the_environment_lies_over_the_file_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    environ = {"MLWRIGHT_TRAINING__BUDGET_CPU_S": "5", "MLWRIGHT_SERVING__HOST": "localhost", "HOME": "x"}
    config = load_config(path, environ)
    assert (config.training.budget_cpu_s, config.serving.host) == (5.0, "localhost")
    found = origins(path, environ)
    assert found["training.budget_cpu_s"] == (5.0, "MLWRIGHT_TRAINING__BUDGET_CPU_S")
    assert found["data.label"] == ("is_fraud", "mlwright.toml")
    assert found["training.seed"] == (7, "default")
    assert found["deployment.production.rollout.hold_minutes"][1] == "mlwright.toml"


def test_a_project_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    assert find_project(tmp_path / "data" / "deep").root == tmp_path
    with pytest.raises(ProjectNotFound):
        find_project(Path("/"))


def test_the_schema_describes_every_section() -> None:
    properties = config_schema()["properties"]
    assert isinstance(properties, dict)
    assert {
        "project",
        "data",
        "training",
        "checks",
        "gates",
        "monitors",
        "triggers",
        "deployment",
        "serving",
    } == set(properties)
