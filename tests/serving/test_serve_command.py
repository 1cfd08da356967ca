from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwright.commands.rollback import RollbackRequest, rollback
from mlwright.commands.serve import ServeRequest, serve
from mlwright.commands.server_settings import Listening
from mlwright.commands.status import StatusRequest, status
from mlwright.errors import BindRefused, ModelUnknown, NothingToServe, PackageCorrupt, ServerError, UsageError
from mlwright.project import Project
from mlwright.registry import NewVersion, Registry
from mlwright.serving import read_token
from tests.serving.client import Client
from tests.serving.conftest import CONFIG, wait_for
from tests.serving.packages import corrupt, row, write_package

SERVE = """
import dataclasses, json, pathlib, sys
from mlwright.commands.serve import ServeRequest, serve
from mlwright.commands.server_settings import Listening
def tell(serving):
    print(json.dumps(dataclasses.asdict(serving), default=str), flush=True)
request = ServeRequest(pathlib.Path(sys.argv[1]), tuple(sys.argv[2:]), Listening(port=0))
sys.exit(serve(request, tell).exit_code)
"""


@dataclass
class Served:
    project: Project
    process: subprocess.Popen[bytes]
    port: int
    names: list[str]

    def client(self) -> Client:
        return Client(self.port, read_token(self.project.run_folder / "token"))


@contextmanager
def _serving(project: Project, *references: str) -> Iterator[Served]:
    output = project.root / "serve.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(project.root), *references],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "\n" in output.read_text() or process.poll() is not None, "serve is ready")
        facts = json.loads(output.read_text().splitlines()[0])
        yield Served(project, process, int(facts["url"].rsplit(":", 1)[1]), facts["names"])
    finally:
        process.terminate()
        assert process.wait(30) == 0, output.read_text()


def test_versions_are_served_by_the_name_of_their_model(project: Project) -> None:
    with _serving(project, "fraud@2") as served, served.client() as client:
        assert served.names == ["fraud"]
        (answer,) = client.predict(row(50), to="fraud")
        assert (answer["prediction"], str(answer["version"])) == (1, "2")
    assert not list(project.run_folder.glob("serve-*"))


def test_ctrl_c_drains_and_ends_without_a_traceback(project: Project) -> None:
    with _serving(project) as served, served.client() as client:
        client.predict(row(50))
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 0
    assert "Traceback" not in (project.root / "serve.txt").read_text()


def test_latest_is_the_newest_version_whatever_its_gates_said(project: Project) -> None:
    digest = write_package(project.packages, limit=3)
    bad = NewVersion("fraud", digest, "binary", "linear", "run", "fail", {})
    Registry(project.database).register(bad, actor="test")
    with _serving(project, "fraud@latest") as served, served.client() as client:
        assert str(client.predict(row(5), to="fraud")[0]["version"]) == "3"


def test_the_projects_deployments_are_served_and_follow_a_rollback(project: Project) -> None:
    Registry(project.database).move_alias("fraud", "champion", 2, actor="test", reason="better")
    with _serving(project) as served, served.client() as client:
        assert served.names == ["production"]
        assert str(client.predict(row(5))[0]["version"]) == "2"
        assert rollback(RollbackRequest(project.root, reason="it hurts")).is_live
        assert str(client.predict(row(5))[0]["version"]) == "1"
        found = status(StatusRequest(project.root))
        assert (found.up, found.is_ready) == (None, True)
        with pytest.raises(ServerError, match="already"):
            serve(ServeRequest(project.root), lambda serving: None)


def test_a_rollback_without_a_server_waits_for_the_next_start(project: Project) -> None:
    Registry(project.database).move_alias("fraud", "champion", 2, actor="test", reason="better")
    assert not rollback(RollbackRequest(project.root, reason="it hurts")).is_live
    with _serving(project) as served, served.client() as client:
        assert str(client.predict(row(5))[0]["version"]) == "1"


def test_what_cannot_be_served_is_refused_before_anything_listens(project: Project, tmp_path: Path) -> None:
    def refuse(*references: str, **listening: object) -> None:
        request = ServeRequest(project.root, references, Listening(port=0, **listening))  # type: ignore[arg-type]
        serve(request, lambda serving: None)

    with pytest.raises(ModelUnknown):
        refuse("fraud@9")
    corrupt(project, Registry(project.database).resolve("fraud@2"))
    with pytest.raises(PackageCorrupt):
        refuse("fraud@2")
    with pytest.raises(UsageError, match="one version per model"):
        refuse("fraud@1", "fraud@2")
    with pytest.raises(BindRefused):
        refuse("fraud@1", host="0.0.0.0", no_auth=True)
    with pytest.raises(BindRefused):
        refuse("fraud@1", host="0.0.0.0")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "mlwright.toml").write_text(CONFIG)
    with pytest.raises(NothingToServe):
        serve(ServeRequest(tmp_path / "empty"), lambda serving: None)


def test_an_address_that_others_reach_is_audited(project: Project) -> None:
    from mlwright.commands.server_settings import configure_server

    configure_server(
        project,
        Listening(host="0.0.0.0", insecure_no_tls=True),
        document=project.run_folder / "deployments.json",
        server_file=project.run_folder / "server.json",
    )
    with project.database.read() as tx:
        rows = tx.fetch_all("SELECT action, target FROM audit ORDER BY id DESC LIMIT 1")
    assert tuple(rows[0]) == ("server.exposed-without-tls", "0.0.0.0")
