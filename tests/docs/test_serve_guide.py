"""The guide to serving: every command runs against a real server and gets the answer that stands below it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwright.serving import read_token
from tests.serving.conftest import Stage, make_project, start

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "serve.md"
PAIRS = re.findall(r"```sh\n(.*?)```\s+```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    project = make_project(tmp_path_factory.mktemp("guide") / "project")
    server = start(project)
    yield Stage(project, server)
    server.stop()


def _fits(found: Any, shown: Any) -> bool:
    """Whether an answer is what the guide shows; "…" stands for anything that is there."""
    match shown:
        case "…":
            return found is not None
        case dict():
            return (
                isinstance(found, dict)
                and found.keys() == shown.keys()
                and all(_fits(found[key], shown[key]) for key in shown)
            )
        case list():
            return isinstance(found, list) and len(found) == len(shown) and all(map(_fits, found, shown))
        case float():
            return isinstance(found, float) and abs(found - shown) < TOLERANCE
        case _:
            return type(found) is type(shown) and bool(found == shown)


@pytest.mark.promise("serve.guide")
@pytest.mark.parametrize(("command", "shown"), PAIRS)
def test_a_command_of_the_guide_gets_the_answer_below_it(stage: Stage, command: str, shown: str) -> None:
    token = read_token(stage.project.run_folder / "token")
    url = f"http://127.0.0.1:{stage.server.server.port}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={**os.environ, "URL": url, "TOKEN": token or ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert _fits(found, json.loads(shown)), json.dumps(found)


def test_every_command_of_the_guide_has_an_answer() -> None:
    assert len(PAIRS) == GUIDE.read_text(encoding="utf-8").count("```sh\n") >= 10


def test_an_answer_that_differs_does_not_fit() -> None:
    shown = {"a": [1, "…", 0.5]}
    assert _fits({"a": [1, {}, 0.5]}, shown)
    for other in ({"a": [1, {}]}, {"a": [True, 1, 0.5]}, {"a": [1, 1, 0.6]}, {"a": [1, 1, 0.5], "b": 1}, []):
        assert not _fits(other, shown)
