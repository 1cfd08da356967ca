"""A small project with a hand-written model, and a real server process for it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwright.commands.server_settings import Listening, configure_server
from mlwright.deployment import Published, document_path, publish, target_of
from mlwright.project import Project, find_project
from mlwright.registry import Registry
from mlwright.serving import Limits, ServerConfig, ServerProcess
from tests.serving.client import Client
from tests.serving.packages import add_version

CONFIG = """
[project]
name = "fraud"

[monitors.quality]
kind = "quality"
false_alarms_per = 1000

[deployment.production]
model = "fraud@champion"
unit = "customer_id"
rollout = { steps = [50], hold_minutes = 0.0, min_requests = 20, min_labels = 20 }

[serving]
workers = 2
tick_seconds = 0.05
"""
BOUND_SECONDS = 20.0


def wait_for(
    question: Callable[[], object], what: str | Callable[[], str], seconds: float = BOUND_SECONDS
) -> object:
    """Ask until the answer is true; fail after a bound."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := question():
            return found
        time.sleep(0.01)
    pytest.fail(f"not within {seconds} s: {what if isinstance(what, str) else what()}")


@dataclass
class Stage:
    """A project and the server that runs it."""

    project: Project
    server: ServerProcess

    def client(self) -> Client:
        return Client(self.server.server.port, (self.project.run_folder / "token").read_text().strip())

    def admin(self) -> Client:
        token = (self.project.run_folder / "admin.token").read_text().strip()
        return Client(self.server.server.admin_port, token)

    def make_champion(self, number: int) -> Published:
        Registry(self.project.database).move_alias("fraud", "champion", number, actor="test", reason="swap")
        return publish(self.project, target_of(self.project), actor="test", reason="swap")


def make_project(folder: Path, config: str = CONFIG) -> Project:
    """Version 1 (champion): fraud above 100. Version 2: fraud above 10."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlwright.toml").write_text(config)
    project = find_project(folder)
    add_version(project, limit=100, champion=True)
    add_version(project, limit=10)
    return project


def server_config(project: Project) -> ServerConfig:
    return configure_server(
        project,
        Listening(port=0),
        document=document_path(project),
        server_file=project.run_folder / "server.json",
    )


def start(project: Project, limits: Limits | None = None) -> ServerProcess:
    publish(project, target_of(project), actor="test", reason="start")
    config = dataclasses.replace(server_config(project), limits=limits or Limits())
    return ServerProcess.start(config, folder=project.run_folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


@pytest.fixture
def stage(project: Project) -> Iterator[Stage]:
    found = Stage(project, start(project))
    yield found
    found.server.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server for tests that only ask."""
    project = make_project(tmp_path_factory.mktemp("shared") / "project")
    server = start(project)
    yield Stage(project, server)
    server.stop()
