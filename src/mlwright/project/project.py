"""Where the parts of a project are."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from mlwright.errors import ProjectNotFound
from mlwright.project.config import Config
from mlwright.project.parse import load_config
from mlwright.record import Record
from mlwright.store import BlobStore, Database

CONFIG_NAME = "mlwright.toml"


class Project(Record):
    """A project folder with its settings; opening it reads, it changes nothing."""

    root: Path
    config: Config

    @property
    def name(self) -> str:
        """Give the name of the project, which is also the name of its model."""
        return self.config.project.name

    @property
    def config_path(self) -> Path:
        """Tell where the settings are."""
        return self.root / CONFIG_NAME

    @property
    def contract_path(self) -> Path:
        """Tell where the data contract is."""
        return self.root / "contract.json"

    @property
    def state(self) -> Path:
        """Tell where everything is that mlwright writes."""
        return self.root / ".mlwright"

    @property
    def packages(self) -> Path:
        """Tell where model packages are, each in a folder named by its digest."""
        return self.state / "packages"

    @property
    def reports(self) -> Path:
        """Tell where reports of training are, each in a folder named as the package that it is about."""
        return self.state / "reports"

    @property
    def log(self) -> Path:
        """Tell where the prediction log is."""
        return self.state / "log"

    @property
    def run_folder(self) -> Path:
        """Tell where sockets, tokens and the deployment document are."""
        return self.state / "run"

    @cached_property
    def database(self) -> Database:
        """Open the facts of the project."""
        return Database.open(self.state / "meta.sqlite")

    @cached_property
    def blobs(self) -> BlobStore:
        """Open the bytes of the project."""
        return BlobStore(self.state / "blobs")


def find_project(folder: Path) -> Project:
    """Open the project in `folder` or in the nearest folder above it.

    Raises `ProjectNotFound`, or `ConfigError` when its settings cannot be read.
    """
    start = folder.resolve()
    for candidate in (start, *start.parents):
        if (candidate / CONFIG_NAME).is_file():
            return Project(candidate, load_config(candidate / CONFIG_NAME, os.environ))
    raise ProjectNotFound(
        f"no {CONFIG_NAME} in {str(folder)!r} or above it",
        hint="make a project with `mlwright init NAME --data FILE --label COLUMN`, or pass --project DIR",
    )
