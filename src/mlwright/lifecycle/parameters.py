"""What the parameters of a step say: settings as they were parsed, task and seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from mlwright.project import DataConfig, SplitConfig, Task, TrainingConfig

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON

Parameters: TypeAlias = Mapping[str, "JSON"]


def read_data_config(parameters: Parameters) -> DataConfig:
    """Read [data] back from the parameters of a step."""
    section = dict(read_section(parameters, "data"))
    nested = section.pop("split")
    assert isinstance(nested, dict)
    lists = {name: tuple(value) for name, value in section.items() if isinstance(value, list)}
    return DataConfig(**{**section, **lists, "split": SplitConfig(**nested)})  # type: ignore[arg-type]  # as it was parsed


def read_training(parameters: Parameters) -> TrainingConfig:
    """Read [training] back."""
    return TrainingConfig(**read_section(parameters, "training"))  # type: ignore[arg-type]  # as it was parsed


def read_task(parameters: Parameters) -> Task:
    """Read the task back."""
    task = parameters["task"]
    tasks: dict[object, Task] = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
    return tasks[task]


def read_seed(parameters: Parameters) -> int:
    """Read the seed back."""
    seed = parameters["seed"]
    assert isinstance(seed, int)
    return seed


def read_section(parameters: Parameters, name: str) -> dict[str, JSON]:
    """Read a table of the parameters."""
    section = parameters[name]
    assert isinstance(section, dict)
    return section


def read_number(value: JSON) -> float:
    """Read a number."""
    assert isinstance(value, int | float)
    return float(value)
