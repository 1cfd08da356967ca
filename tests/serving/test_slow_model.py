"""A model whose rows are cheaper together answers each caller its own rows, whatever they are asked with."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import lightgbm
import numpy as np
import pytest

from mlwright.cli.app import run
from mlwright.project import Project, find_project
from mlwright.registry import Registry
from mlwright.serving import Limits
from tests.serving.conftest import Stage, start

FEATURES, TREES, COPIES = 20, 200, 20
CALLERS, ROUNDS = 48, 40
CONFIG = """
[project]
name = "large"

[deployment.production]
model = "large@champion"

[serving]
workers = 2
"""


def forest(rng: np.random.Generator) -> tuple[lightgbm.Booster, str]:
    """Train 200 trees of 255 leaves; give them, and the text of a mean over each of them twenty times."""
    table = rng.normal(size=(8_000, FEATURES))
    label = table[:, 0] * table[:, 1] + table[:, 2] > 0
    settings = {"objective": "binary", "boosting": "rf", "bagging_fraction": 0.3, "bagging_freq": 1}
    booster = lightgbm.train(
        {**settings, "num_leaves": 255, "min_data_in_leaf": 3, "num_threads": 1, "verbose": -1},
        lightgbm.Dataset(table, label.astype(int)),
        TREES,
    )
    head, _, rest = booster.model_to_string().partition("Tree=0\n")
    trees, _, tail = rest.partition("end of trees")
    kept = re.sub(r"tree_sizes=.*\n", "", head)
    copies = re.split(r"Tree=\d+\n", trees) * COPIES
    numbered = "".join(f"Tree={number}\n{tree}" for number, tree in enumerate(copies))
    return booster, f"{kept}{numbered}end of trees{tail}"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[lightgbm.Booster, Project]:
    folder = tmp_path_factory.mktemp("large")
    (folder / "mlwright.toml").write_text(CONFIG)
    booster, text = forest(np.random.default_rng(4))
    (folder / "forest.txt").write_text(text)
    imported = ["model", "import", str(folder / "forest.txt"), "--framework", "lightgbm", "--name", "large"]
    assert run([*imported, "--project", str(folder)]) == 0
    project = find_project(folder)
    Registry(project.database).move_alias("large", "champion", 1, actor="test", reason="test")
    return booster, project


@pytest.fixture
def stage(large: tuple[lightgbm.Booster, Project]) -> Iterator[Stage]:
    found = Stage(large[1], start(large[1], Limits(queue_ms=25)))
    yield found
    found.server.stop()


def ask_again_and_again(stage: Stage, booster: lightgbm.Booster, seed: int, seen: Counter[str]) -> None:
    """Ask for one row, some, or many; count what is refused and what is wrong."""
    rng = np.random.default_rng(seed)
    headers = {"authorization": f"Bearer {(stage.project.run_folder / 'token').read_text().strip()}"}
    port = stage.server.server.port
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(ROUNDS):
            rows = rng.normal(size=(int(rng.choice([1, 1, 1, 5, 90])), FEATURES)).round(3)
            body = json.dumps({"instances": rows.tolist()})
            connection.request("POST", "/v1/models/large:predict", body, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
            if response.status == 200:
                found = np.array(answer["predictions"])[:, 1]
                is_right = np.abs(found - np.asarray(booster.predict(rows, num_threads=1))).max() < 1e-9
                seen["right" if is_right else "wrong"] += 1
            else:
                seen[str(response.status)] += 1


@pytest.mark.slow
@pytest.mark.promise("serve.batches", "serve.sheds")
def test_whoever_asks_gets_the_answers_of_its_own_rows(
    stage: Stage, large: tuple[lightgbm.Booster, Project]
) -> None:
    seen: Counter[str] = Counter()
    callers = [
        threading.Thread(target=ask_again_and_again, args=(stage, large[0], seed, seen))
        for seed in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert seen["right"] > CALLERS
    assert set(seen) <= {"right", "503"}, seen
    assert sum(seen.values()) == CALLERS * ROUNDS
    with stage.admin() as admin:
        status = admin.ask("GET", "/admin/status").json()
    execution = status["deployments"][0]["variants"][0]["execution"]
    assert execution["mode"] == "batches"
    assert execution["waiting_rows"] == 0
    assert execution["batched_rows"] > 2 * execution["batches"] > 0
