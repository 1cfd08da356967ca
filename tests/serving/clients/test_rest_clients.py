"""Clients that nobody here wrote ask the server over REST, each in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlwright.serving import read_token
from tests.environments import environment
from tests.serving.conftest import Stage

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "scripts"
BOUND_SECONDS = 120


def _call(stage: Stage, python: Path, script: str, *more: str) -> str:
    """Run a client against the server; give what it printed, fail when it failed."""
    token = read_token(stage.project.run_folder / "token")
    assert token is not None
    address = f"127.0.0.1:{stage.server.server.port}"
    command = [str(python), str(SCRIPTS / script), address, token, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.promise("serve.binary-tensors", "serve.triton", "serve.rest-clients")
def test_tritonclient_asks_over_http(stage: Stage) -> None:
    admin = read_token(stage.project.run_folder / "admin.token")
    assert admin is not None
    python = environment("tritonclient-http", ["tritonclient[http]"])
    assert _call(stage, python, "triton_http.py", admin) == "ok\n"


@pytest.mark.promise("serve.kserve", "serve.rest-clients")
def test_kserve_asks_over_rest(shared: Stage) -> None:
    assert _call(shared, environment("kserve", ["kserve"]), "kserve_rest.py") == "ok\n"


@pytest.mark.promise("serve.sagemaker", "serve.rest-clients")
def test_boto3_invokes_an_endpoint(shared: Stage) -> None:
    assert _call(shared, environment("boto3", ["boto3"]), "sagemaker_boto3.py") == "ok\n"
