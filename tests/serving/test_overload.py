"""More than a server can answer: it goes on answering, refuses the rest with 503, and loses nobody."""

from __future__ import annotations

import json

import pytest

from mlwright.cli.app import run
from mlwright.project import Project
from mlwright.serving import Limits
from tests.serving.conftest import Stage, start
from tests.serving.packages import row

MANY_ROWS = ("--rows", "500", "--connections", "128", "--rate", "16000", "--seconds", "1", "--warm-up", "0.2")


@pytest.mark.promise("serve.sheds")
def test_what_would_wait_too_long_is_refused_and_the_rest_is_answered(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(project, start(project, Limits(queue_ms=8)))
    try:
        assert run(["bench", "serve", "--project", str(project.root), *MANY_ROWS, "--json"]) == 0
        (step,) = json.loads(capsys.readouterr().out)["steps"]
        counts = step["counts"]
        assert counts["ok"] > 0
        assert counts["shed"] > 0
        lost = ("unexpected", "other", "client_errors", "server_errors", "connection_errors")
        assert {name: counts[name] for name in lost} == dict.fromkeys(lost, 0)
        assert {status for status, _ in step["statuses"]} == {200, 503}
        with stage.client() as client:
            assert client.predict(row(50))[0]["version"] == 1
    finally:
        stage.server.stop()
