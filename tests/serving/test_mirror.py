"""Mirrored traffic and the cache of answers: what callers get does not depend on either."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwright.errors import ConfigError
from mlwright.monitoring import predictions
from mlwright.project import find_project
from tests.serving.conftest import CONFIG, Stage, make_project, start, wait_for
from tests.serving.packages import MATRIX_DEPLOYMENT, add_matrix_version, row

MIRRORED = CONFIG.replace(
    "[deployment.production]", '[deployment.production]\nmirror_to = "shadow"\ncache_entries = 100'
)
SHADOW = '\n[deployment.shadow]\nmodel = "fraud@2"\n'


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Stage]:
    project = make_project(tmp_path / "project", MIRRORED + SHADOW)
    server = start(project)
    yield Stage(project, server)
    server.stop()


@pytest.mark.promise("serve.mirror")
def test_a_mirror_sees_every_request_under_the_same_id_and_no_caller_sees_it(mirrored: Stage) -> None:
    ids = []
    with mirrored.client() as client:
        for amount in range(40, 60):
            (answer,) = client.predict(row(amount), unit=f"u{amount}")
            assert (answer["version"], answer["prediction"]) == (1, 0)
            ids.append(answer["id"])

    def shadow_ids() -> list[str]:
        frame = predictions(mirrored.project.log, "shadow")
        return list(frame["id"])

    wait_for(lambda: len(shadow_ids()) >= len(ids), "the mirror answers")
    assert shadow_ids() == ids
    frame = predictions(mirrored.project.log, "shadow")
    assert set(frame["version"]) == {2}
    assert set(frame["prediction"]) == {1.0}


@pytest.mark.promise("serve.inference-id")
def test_a_mirror_logs_the_id_of_the_caller_too(mirrored: Stage) -> None:
    body = json.dumps({"instances": [row(50)]}).encode()
    with mirrored.client() as client:
        named = {"x_amzn_sagemaker_inference_id": "order-7"}
        assert client.ask("POST", "/endpoints/production/invocations", body, **named).status == 200

    def mirrored_ids() -> list[str | None]:
        return predictions(mirrored.project.log, "shadow")["inference_id"].to_list()

    wait_for(mirrored_ids, "the mirror answers")
    assert mirrored_ids() == ["order-7"]


@pytest.mark.promise("serve.log-numbers-packed", "serve.mirror")
def test_a_matrix_reads_back_from_the_log_however_it_came(tmp_path: Path) -> None:
    deployment = MATRIX_DEPLOYMENT + 'mirror_to = "shadow"\n[deployment.shadow]\nmodel = "matrix@champion"\n'
    project = make_project(tmp_path / "project", CONFIG)
    add_matrix_version(project)
    (project.root / "mlwright.toml").write_text(CONFIG + deployment)
    stage = Stage(find_project(project.root), start(find_project(project.root)))
    sent = [[150.0, 0.1], [1.0, None], [-2.5e-7, 1e300]]
    numbers = [math.nan if value is None else value for pair in sent for value in pair]
    path = "/v2/models/matrix/infer"
    tensor = {"name": "x", "datatype": "FP64", "shape": [3, 2]}
    single = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    raw = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": 48}}]}).encode()
    try:
        with stage.client() as client:
            texts = client.ask("POST", path, json.dumps({"inputs": [{**tensor, "data": sent}]}).encode())
            named = {"Inference_Header_Content_Length": str(len(raw))}
            doubles = client.ask("POST", path, raw + struct.pack("<6d", *numbers), **named)
            head = json.dumps({"inputs": [single]}).encode()
            named = {"Inference_Header_Content_Length": str(len(head))}
            client.ask("POST", path, head + struct.pack("<2f", 0.5, -3), **named)
        assert doubles.json()["outputs"] == texts.json()["outputs"]
        logged = predictions(project.log, "matrix")
        wait_for(lambda: len(predictions(project.log, "shadow")) == len(logged), "the mirror answers")
    finally:
        stage.server.stop()
    shadow = predictions(project.log, "shadow")
    for frame in (logged, shadow):
        assert [json.loads(text) for text in frame["input"]] == [*sent, *sent, [0.5, -3]]
    assert shadow.select("id", "prediction").equals(logged.select("id", "prediction"))


@pytest.mark.promise("serve.cache", "serve.triton-statistics")
def test_the_cache_answers_the_same_and_counts(mirrored: Stage) -> None:
    with mirrored.client() as client:
        answers = [client.predict(row(50))[0] for _ in range(5)]
        assert len({answer["score"] for answer in answers}) == 1
        assert len({answer["id"] for answer in answers}) == 5
        page = client.ask("GET", "/metrics").body.decode()
    assert 'mlwright_cache_hits_total{deployment="production",variant="champion"} 4' in page
    assert 'mlwright_cache_misses_total{deployment="production",variant="champion"} 1' in page
    with mirrored.client() as client:
        (statistics,) = client.ask("GET", "/v2/models/production/stats").json()["model_stats"]
    assert (statistics["inference_count"], statistics["execution_count"]) == (1, 1)
    assert statistics["inference_stats"]["cache_hit"]["count"] == 4
    assert statistics["inference_stats"]["success"]["count"] == 5
    with mirrored.admin() as admin:
        (deployment, _) = admin.ask("GET", "/admin/status").json()["deployments"]
    assert deployment["mirror"] == {"to": "shadow", "share": 1.0}
    assert deployment["variants"][0]["execution"]["mode"] == "inline"
    assert deployment["variants"][0]["memory_bytes"] > 0


def test_a_mirror_that_is_no_deployment_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", MIRRORED)
    with pytest.raises(ConfigError, match="cannot be mirrored to 'shadow'"):
        start(project)
