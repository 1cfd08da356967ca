"""A full disk fails no prediction, and what the log could not take is counted exactly."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwright.deployment import publish, target_of
from mlwright.monitoring import predictions
from tests.serving.conftest import CONFIG, Stage, make_project, server_config
from tests.serving.packages import MATRIX_DEPLOYMENT, add_matrix_version
from tests.serving.started import StartedServer

DISK = "2m"
ROWS = 100  # of one request, which is one record
DROPS = 100
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]


def _can_mount() -> bool:
    mount = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )


pytestmark = pytest.mark.skipif(not _can_mount(), reason="this system allows no mounts of one's own")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A server whose log is on a disk of 2 MB that only the server sees."""
    project = make_project(tmp_path / "project", CONFIG + MATRIX_DEPLOYMENT)
    add_matrix_version(project)
    project.log.mkdir(parents=True, exist_ok=True)
    publish(project, target_of(project), actor="test", reason="start")
    script = f'mount -t tmpfs -o size={DISK} tmpfs "$0" && exec "$@"'
    command = [*OWN_MOUNTS, "sh", "-c", script, str(project.log)]
    with StartedServer(server_config(project), command) as started:
        yield Stage(project, started.process)


def enlarge(stage: Stage) -> None:
    """Make room on the server's disk."""
    enter = ["nsenter", "--target", str(stage.server.pid), "--user", "--preserve-credentials", "--mount"]
    subprocess.run([*enter, "mount", "-o", "remount,size=16m", str(stage.project.log)], check=True)


def counts(stage: Stage) -> tuple[int, int]:
    """Give the requests that are in the log and those that are not, as the server counts them."""
    with stage.admin() as admin:
        log = admin.ask("GET", "/admin/status").json()["log"]
    return log["records"], log["dropped"]


@pytest.mark.promise("log.full-disk")
def test_a_full_disk_fails_no_prediction_and_every_drop_is_counted(stage: Stage) -> None:
    # A package without reference cells writes no counter windows, so that records are requests.
    folder = Path(f"/proc/{stage.server.pid}/root") / stage.project.log.relative_to("/")
    sent = 0
    with stage.client() as client:
        while (now := counts(stage))[1] < DROPS:
            for _ in range(DROPS // 2):
                answers = client.predict(*[{"x": [50, 0]}] * ROWS, to="matrix")
                assert [answer["prediction"] for answer in answers] == [0] * ROWS
                sent += 1
        logged = predictions(folder, "matrix")
        assert now == (len(logged) // ROWS, sent - len(logged) // ROWS)
        enlarge(stage)
        (kept,) = client.predict({"x": [150, 0]}, to="matrix")
    assert kept["id"] in set(predictions(folder, "matrix")["id"])
    assert counts(stage) == (now[0] + 1, now[1])
