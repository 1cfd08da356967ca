"""Mutated requests of every route: no crash, no 5xx, no hang, and no more memory than before."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwright.deployment import publish, target_of
from mlwright.serving import Limits, ServerProcess
from tests.serving.conftest import CONFIG, Stage, make_project, server_config
from tests.serving.fuzzing.campaign import Template, run_campaign
from tests.serving.malformed.case import AMOUNT, AT, INFER, KIND, MATRIX, ROW, amount, matrix, tensors
from tests.serving.packages import MATRIX_DEPLOYMENT, add_matrix_version, row

CROWD = 8
GROWTH_BYTES = 64 << 20  # 16 bodies at once and the allocator's slack
ID = "0" * 26
ENDPOINT = "/endpoints/production/invocations"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server where work may wait: overload is answered with 503."""
    yield from _serve(tmp_path_factory.mktemp("fuzzing"), Limits(queue_ms=60_000))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server where nobody may wait, whose requests take long, and so many callers that some are refused."""
    for found in _serve(tmp_path_factory.mktemp("crowded"), Limits(queue_ms=0), workers=1):
        with contextlib.ExitStack() as crowd:
            clients = [crowd.enter_context(found.client()) for _ in range(CROWD)]
            for client in clients:
                client.ask("GET", "/health")
            many = _json({"rows": [row(50)] * 2_000})
            asked = (clients[0].ask("POST", "/v1/predict/production", many).status for _ in range(100))
            assert 503 in asked
            yield found


def _serve(folder: Path, limits: Limits, **more: int) -> Iterator[Stage]:
    project = make_project(folder / "project", CONFIG + MATRIX_DEPLOYMENT)
    add_matrix_version(project)
    publish(project, target_of(project), actor="test", reason="start")
    config = dataclasses.replace(server_config(project), limits=limits, **more)
    server = ServerProcess.start(config, folder=project.run_folder)
    yield Stage(project, server)
    server.stop()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def templates_of(stage: Stage) -> list[Template]:
    """Give a right request of every route."""
    server = stage.server.server
    token = (stage.project.run_folder / "token").read_text().strip()
    admin_token = (stage.project.run_folder / "admin.token").read_text().strip()

    def serving(path: str, body: bytes = b"", header: str = "") -> Template:
        return Template(server.port, "POST" if body else "GET", path, token, body, header)

    raw = {"name": "amount", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}}
    kind = {**KIND, "shape": [2], "data": ["a", "b"]}
    at = {**AT, "shape": [2], "data": [None, "2024-01-05"]}
    binary = tensors(raw, kind, at, outputs=[{"name": "score", "parameters": {"binary_data": True}}])
    columns = {"amount": [1, 2e2], "kind": ["a", "b"], "at": [None, None]}
    gets = [
        "/",
        "/ping",
        "/v2",
        "/healthz",
        "/v2/health/ready",
        "/metrics",
        "/v2/models",
        "/v1/models",
        "/v2/models/stats",
    ]
    gets += [f"/v2/models/production{part}" for part in ("", "/ready", "/config", "/stats", "/versions/1")]
    gets += [f"/v1/models/matrix{part}" for part in ("", "/metadata", "/versions/1", "/labels/champion")]
    return [
        serving("/v1/predict/production", _json({"rows": [row(50), row(150)], "unit": "u"})),
        serving("/v1/predict/production", b'{"row": [150.25e0, "b", "2024-01-05T10:00:00Z"]}'),
        serving("/v1/predict/matrix", b'{"rows": [[1, 2.5], [null, -3e2], {"x": [4, 5]}]}'),
        serving(INFER, amount()),
        serving(INFER, tensors(AMOUNT, KIND, AT, id="a", outputs=[{"name": "score"}])),
        serving(
            INFER, binary + struct.pack("<dd", 50.0, 150.0), f"inference-header-content-length: {len(binary)}"
        ),
        serving(MATRIX, matrix(shape=[2, 2], data=[[1, 2], [3, None]])),
        serving("/v2/models/matrix/versions/1/infer", matrix(datatype="FP32")),
        serving("/v1/models/production:predict", _json({"instances": [ROW, ROW], "signature_name": "s"})),
        serving("/v1/models/production:predict", _json({"inputs": columns})),
        serving("/v1/models/matrix/versions/1:predict", b'{"instances": [[1, 2], [3, 4]]}'),
        serving("/v1/models/production:classify", _json({"examples": [ROW], "context": {"kind": "a"}})),
        serving("/v1/models/production:regress", _json({"examples": [ROW]})),
        serving("/v1/feedback", _json([{"id": ID, "label": 1}, {"id": ID, "event": "error"}])),
        serving(
            ENDPOINT,
            _json({"dataframe_split": {"columns": ["amount", "kind", "at"], "data": [[1, "a", None]]}}),
        ),
        serving(ENDPOINT, _json({"dataframe_records": [ROW], "params": {}})),
        serving(ENDPOINT, b'1.5,"a",2024-01-05\n,b,\r\n', "content-type: text/csv\r\naccept: text/csv"),
        serving(ENDPOINT, b"kind,amount,at\na,1e2,\n", "content-type: text/csv; header=present"),
        serving(
            "/invocations", b"1,2\n3,4\n", "content-type: text/csv\r\nx-amzn-sagemaker-target-model: matrix"
        ),
        serving("/v1/projects/p/locations/l/endpoints/production:predict", _json({"instances": [ROW]})),
        serving("/score", _json({"input_data": {"columns": ["x"], "data": [[1]]}})),
        serving("/v2/repository/index", b'{"ready": true}'),
        serving("/v2/repository/models/production/load", b'{"parameters": {}}'),
        *(serving(path) for path in gets),
        Template(server.admin_port, "GET", "/admin/status", admin_token),
        Template(server.admin_port, "POST", "/admin/reload", admin_token, b"{}"),
    ]


def gauge(stage: Stage, name: str) -> float:
    """Read a metric."""
    with stage.client() as client:
        page = client.ask("GET", "/metrics").body.decode()
    return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))


def check_campaign(stage: Stage, requests: int, seed: int) -> None:
    templates = templates_of(stage)
    run_campaign(templates, requests // 20, seed + 1)  # buffers and allocator reach their size
    before = gauge(stage, "process_resident_memory_bytes")
    counts, failures = run_campaign(templates, requests, seed)
    assert failures == []
    assert sum(counts.values()) == requests
    assert min(counts["200"], counts["400"]) > requests / 50  # most of the mutants get to the parsers
    assert gauge(stage, "process_resident_memory_bytes") - before < GROWTH_BYTES
    with stage.client() as client:
        first, second = client.predict(row(50), row(150))
    assert (first["prediction"], second["prediction"]) == (0, 1)


@pytest.mark.promise("serve.fuzz")
def test_mutated_requests_neither_crash_nor_hang_the_server(stage: Stage) -> None:
    check_campaign(stage, 40_000, seed=7)


def check_refusing_campaign(stage: Stage, requests: int, seed: int) -> None:
    counts, failures = run_campaign(templates_of(stage), requests, seed, may_refuse=True)
    assert failures == []
    early = counts.pop("early")
    assert sum(counts.values()) == requests
    assert counts["503"] > early > requests / 5
    with stage.client() as client:
        assert client.ask("GET", "/v2/health/ready").status == 200


@pytest.mark.promise("serve.fuzz")
def test_mutated_requests_to_a_server_that_refuses_are_refused_one_by_one(crowded: Stage) -> None:
    check_refusing_campaign(crowded, 16_000, seed=13)


@pytest.mark.slow
@pytest.mark.promise("serve.fuzz")
def test_many_mutated_requests_to_a_server_that_refuses_are_refused_one_by_one(crowded: Stage) -> None:
    check_refusing_campaign(crowded, 320_000, seed=17)


@pytest.mark.slow
@pytest.mark.promise("serve.fuzz")
def test_a_million_mutated_requests_neither_crash_nor_hang_the_server(stage: Stage) -> None:
    check_campaign(stage, 1_000_000, seed=11)
