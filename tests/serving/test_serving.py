from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from mlwright.monitoring import joined, predictions
from mlwright.serving import Limits
from tests.serving.client import Client
from tests.serving.conftest import Stage, make_project, start, wait_for
from tests.serving.packages import row


@pytest.mark.promise("serve.native")
def test_a_prediction_says_what_it_is_and_who_made_it(shared: Stage) -> None:
    with shared.client() as client:
        low, high = client.predict(row(50), row(150))
    assert (low["prediction"], high["prediction"]) == (0, 1)
    assert (high["model"], str(high["version"]), high["variant"]) == ("fraud", "1", "champion")
    assert len(low["id"]) == 26
    assert low["id"] != high["id"]
    assert 0.0 <= low["score"] < 0.001


@pytest.mark.promise("serve.oip")
def test_the_open_inference_protocol_is_spoken(shared: Stage) -> None:
    inputs = [
        {"name": "amount", "datatype": "FP64", "shape": [2], "data": [50.0, 150.0]},
        {"name": "kind", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
        {"name": "at", "datatype": "BYTES", "shape": [2], "data": ["2024-01-05", "2024-01-06"]},
    ]
    with shared.client() as client:
        assert client.ask("GET", "/v2/health/live").json() == {"live": True}
        assert client.ask("GET", "/v2/health/ready").json() == {"ready": True}
        metadata = client.ask("GET", "/v2/models/production").json()
        answer = client.ask("POST", "/v2/models/production/infer", json.dumps({"inputs": inputs}).encode())
    assert {item["name"] for item in metadata["inputs"]} == {"amount", "kind", "at"}
    outputs = {item["name"]: item for item in answer.json()["outputs"]}
    assert outputs["prediction"]["data"] == [0, 1]
    assert outputs["probabilities"]["shape"] == [2, 2]


@pytest.mark.promise("serve.tensorflow")
def test_tensorflow_serving_clients_are_answered(shared: Stage) -> None:
    instances = {"instances": [row(50), row(150)]}
    with shared.client() as client:
        answer = client.ask("POST", "/v1/models/fraud:predict", json.dumps(instances).encode())
        status = client.ask("GET", "/v1/models/fraud").json()
    assert [item["prediction"] for item in answer.json()["predictions"]] == [0, 1]
    assert status["model_version_status"][0]["state"] == "AVAILABLE"


@pytest.mark.promise("serve.admin")
def test_the_admin_listener_has_its_own_port_and_token(shared: Stage) -> None:
    with shared.client() as client, shared.admin() as admin:
        assert admin.ask("GET", "/admin/status").json()["epoch"] == 1
        admin.token = client.token
        assert admin.ask("GET", "/admin/status").status == 401
        assert client.ask("GET", "/admin/status").status == 404


@pytest.mark.promise("serve.feedback", "log.frame")
def test_labels_and_events_meet_their_predictions_in_a_frame(stage: Stage) -> None:
    with stage.client() as client:
        first, second, _ = client.predict(row(50), row(150), row(7), unit="u1")
        answer = client.tell({"id": first["id"], "label": 1}, {"id": second["id"], "event": "error"})
        assert answer.status in (200, 202, 204)
        client.tell({"id": first["id"], "label": 0})
    frame = joined(stage.project.log, "production")
    rows = {item["id"]: item for item in frame.to_dicts()}
    assert len(rows) == 3
    assert (rows[first["id"]]["label"], rows[first["id"]]["event"]) == ("0", None)
    assert (rows[second["id"]]["label"], rows[second["id"]]["event"]) == (None, "error")
    assert rows[first["id"]]["unit"] == "u1"
    assert rows[first["id"]]["propensity"] == 1.0
    assert json.loads(rows[first["id"]]["input"])["amount"] == 50
    assert rows[second["id"]]["prediction"] == 1.0


@pytest.mark.promise("log.kill")
def test_a_killed_server_loses_no_acknowledged_prediction(stage: Stage) -> None:
    acknowledged = []
    with stage.client() as client:
        for count in range(500):
            acknowledged += [item["id"] for item in client.predict(row(count))]
        stage.server._signal(9)  # type: ignore[arg-type]
    wait_for(lambda: not stage.server.is_alive(), "the server is dead")
    logged = set(predictions(stage.project.log, "production")["id"])
    assert set(acknowledged) <= logged
    stage.server = start(stage.project)
    with stage.client() as client:
        acknowledged += [item["id"] for item in client.predict(row(1))]
    assert set(acknowledged) <= set(predictions(stage.project.log, "production")["id"])


def test_a_torn_tail_hides_nothing_before_it(stage: Stage) -> None:
    with stage.client() as client:
        known = [client.predict(row(count))[0]["id"] for count in range(5)]
    stage.server.stop()
    (segment,) = sorted((stage.project.log / "production").glob("*.log"))
    with segment.open("ab") as file:
        file.write(b"\xff\x00\x00\x00torn")
    assert set(known) <= set(predictions(stage.project.log, "production")["id"])


def test_a_slow_client_is_cut_off_and_delays_nobody(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    limits = Limits(header_timeout_ms=300, body_timeout_ms=300)
    stage = Stage(project, start(project, limits))
    try:
        port = stage.server.server.port
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as headers,
            socket.create_connection(("127.0.0.1", port), timeout=10) as content,
            stage.client() as client,
        ):
            headers.sendall(b"POST /v1/predict/production HTTP/1.1\r\nhost: x\r\nx-slow")
            content.sendall(
                f"POST /v1/predict/production HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {client.token}\r\n"
                'content-length: 100\r\n\r\n{"rows"'.encode()
            )
            for count in range(50):
                assert client.predict(row(count))[0]["prediction"] == 0
            assert not headers.recv(65_536).startswith(b"HTTP/1.1 2")
            assert not content.recv(65_536).startswith(b"HTTP/1.1 2")
    finally:
        stage.server.stop()


def test_a_client_that_leaves_in_the_middle_harms_nobody(stage: Stage) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", stage.server.server.port), timeout=10) as leaving:
            leaving.sendall(
                b'POST /v1/predict/production HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"ro'
            )
    with stage.client() as client:
        assert client.predict(row(150))[0]["prediction"] == 1


def test_stopping_finishes_what_was_begun(stage: Stage) -> None:
    with stage.client() as client:
        client.predict(row(1))
        stage.server.stop()
    assert not stage.server.is_alive()


def test_without_authorisation_on_the_loopback_no_token_is_needed(tmp_path: Path) -> None:
    import dataclasses

    from mlwright.deployment import publish, target_of
    from mlwright.serving import ServerProcess
    from tests.serving.conftest import server_config

    project = make_project(tmp_path / "project")
    publish(project, target_of(project), actor="test", reason="start")
    config = dataclasses.replace(server_config(project), token=None)
    server = ServerProcess.start(config, folder=project.run_folder)
    try:
        with Client(server.server.port, None) as client:
            assert client.predict(row(150))[0]["prediction"] == 1
    finally:
        server.stop()
