"""A folder whose `mlwright.toml` describes one prediction problem from data to live service."""

from mlwright.project.config import (
    CheckName,
    Config,
    DataConfig,
    DeploymentConfig,
    GateConfig,
    MetricName,
    MonitorConfig,
    Objective,
    ProjectConfig,
    RolloutConfig,
    ServingConfig,
    SplitConfig,
    Task,
    TrainingConfig,
    TriggerConfig,
)
from mlwright.project.parse import config_schema, load_config, origins
from mlwright.project.project import Project, find_project

__all__ = [
    "Config",
    "DataConfig",
    "DeploymentConfig",
    "GateConfig",
    "CheckName",
    "MetricName",
    "Objective",
    "MonitorConfig",
    "Project",
    "ProjectConfig",
    "RolloutConfig",
    "ServingConfig",
    "SplitConfig",
    "Task",
    "TrainingConfig",
    "TriggerConfig",
    "config_schema",
    "find_project",
    "load_config",
    "origins",
]
