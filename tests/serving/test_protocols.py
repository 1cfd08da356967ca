"""Protocols of others over HTTP, asked with requests written by hand."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys

import polars as pl
import pytest

from mlwright.commands.server_settings import Listening, configure_server
from mlwright.errors import UsageError
from mlwright.monitoring import predictions
from mlwright.project import Project
from mlwright.serving import read_token
from tests.serving.client import Answer, Client
from tests.serving.conftest import Stage, start, wait_for
from tests.serving.packages import TRANSFORM, add_version, row
from tests.serving.test_serve_command import SERVE

ROWS = [row(150), row(50, "b")]


def texts(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value.encode() for value in values)


def ask_binary(client: Client, raw: dict[str, tuple[str, bytes]], **parameters: object) -> Answer:
    """Send columns of two rows as raw bytes."""
    inputs = [
        {"name": name, "datatype": kind, "shape": [2], "parameters": {"binary_data_size": len(data)}}
        for name, (kind, data) in raw.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    body = head + b"".join(data for _, data in raw.values())
    return client.ask(
        "POST",
        "/v2/models/fraud/infer",
        body,
        Inference_Header_Content_Length=str(len(head)),
        content_type="application/octet-stream",
    )


@pytest.mark.promise("serve.binary-tensors")
def test_tensors_travel_as_raw_bytes_in_both_directions(shared: Stage) -> None:
    raw = {
        "amount": ("FP64", struct.pack("<2d", 150, 50)),
        "kind": ("BYTES", texts("a", "b")),
        "at": ("BYTES", texts("2024-01-05", "2024-01-06")),
    }
    with shared.client() as client:
        plain = ask_binary(client, raw)
        answer = ask_binary(client, raw, binary_data_output=True)
        missing = ask_binary(client, {**raw, "amount": ("FP64", struct.pack("<2d", float("nan"), 50))})
        infinite = ask_binary(client, {**raw, "amount": ("FP64", struct.pack("<2d", float("inf"), 50))})
    assert plain.json()["outputs"][0]["data"] == [1, 0]
    length = int(answer.headers["inference-header-content-length"])
    sizes = [
        output["parameters"]["binary_data_size"] for output in json.loads(answer.body[:length])["outputs"]
    ]
    assert sum(sizes) == len(answer.body) - length
    assert struct.unpack("<2q", answer.body[length : length + 16]) == (1, 0)
    assert missing.json()["outputs"][0]["data"] == [0, 0]  # `amount` may be missing and is filled with 0
    assert infinite.status == 400


@pytest.mark.promise("train.float32", "serve.binary-tensors")
def test_a_client_of_float32_gets_the_answers_of_one_of_float64(project: Project) -> None:
    add_version(project, limit=0.3, champion=True, transform={**TRANSFORM, "rounding": "float32"})
    stage = Stage(project, start(project))
    amounts = (1 / 3, 0.1 + 0.2)
    others = {"kind": ("BYTES", texts("a", "b")), "at": ("BYTES", texts("2024-01-05", "2024-01-06"))}
    try:
        with stage.client() as client:
            written = client.predict(*({**row(0), "amount": amount} for amount in amounts))
            double, single = (
                ask_binary(client, {"amount": (kind, struct.pack(form, *amounts)), **others}).json()[
                    "outputs"
                ]
                for kind, form in (("FP64", "<2d"), ("FP32", "<2f"))
            )
    finally:
        stage.server.stop()
    scores = [prediction["score"] for prediction in written]
    assert scores == next(output["data"] for output in double if output["name"] == "score")
    assert single == double


@pytest.mark.promise("serve.triton", "serve.kserve")
def test_what_triton_and_kserve_clients_ask_first_is_answered(shared: Stage) -> None:
    with shared.client() as client:
        client.predict(row(1))
        config = client.ask("GET", "/v2/models/fraud/config").json()
        stats = client.ask("GET", "/v2/models/production/stats").json()["model_stats"]
        index = client.ask("POST", "/v2/repository/index", b"{}").json()
        status = client.ask("GET", "/v1/models/fraud").json()
        refused = client.ask("POST", "/v2/repository/models/fraud/unload", b"{}")
        client.token = read_token(shared.project.run_folder / "admin.token")
        unload = client.ask("POST", "/v2/repository/models/fraud/unload", b"{}")
    assert {item["name"] for item in config["input"]} == {"amount", "kind", "at"}
    assert stats[0]["inference_stats"]["success"]["count"] >= 1
    assert index == [{"name": "production", "version": "1", "state": "READY", "reason": ""}]
    assert status["ready"] is True
    assert (refused.status, unload.status, unload.json()["code"]) == (401, 409, "deployment.fixed")


@pytest.mark.promise("serve.inference-id")
def test_ground_truth_joins_predictions_by_the_id_of_the_caller(stage: Stage) -> None:
    table, instances = b"150,a,2024-01-05\n50,b,\n", {"instances": [row(7)]}
    tensors = [
        {"name": "amount", "datatype": "FP64", "shape": [1], "data": [200.0]},
        {"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        {"name": "at", "datatype": "BYTES", "shape": [1], "data": ["2024-01-05"]},
    ]
    with stage.client() as client:
        named = {"x_amzn_sagemaker_inference_id": "order-7", "content_type": "text/csv"}
        assert client.ask("POST", "/invocations", table, **named).status == 200
        named = {"x_amzn_sagemaker_inference_id": "order-8"}
        assert client.ask("POST", "/invocations", json.dumps(instances).encode(), **named).status == 200
        body = {"id": "order-9", "inputs": tensors}
        assert client.ask("POST", "/v2/models/fraud/infer", json.dumps(body).encode()).status == 200
        named = {"x_amzn_sagemaker_inference_id": "x" * 129}
        assert client.ask("POST", "/invocations", json.dumps(instances).encode(), **named).status == 200
        client.predict(row(1))
    truth = pl.DataFrame({"inference_id": ["order-7", "order-8", "order-9"], "is_fraud": [1, 0, 1]})
    log = predictions(stage.project.log, "production")
    assert log["inference_id"].to_list() == ["order-7", "order-7", "order-8", "order-9", None, None]
    met = log.join(truth, on="inference_id")
    assert met.select("prediction", "is_fraud").rows() == [(1.0, 1), (0.0, 1), (0.0, 0), (1.0, 1)]


@pytest.mark.promise("serve.tensorflow")
def test_tensorflow_serving_classifies_examples(shared: Stage) -> None:
    body = {"context": {"at": "2024-01-05"}, "examples": [{"amount": 150.0, "kind": ["a"]}]}
    with shared.client() as client:
        answer = client.ask("POST", "/v1/models/fraud:classify", json.dumps(body).encode())
        regress = client.ask("POST", "/v1/models/fraud:regress", json.dumps(body).encode())
    (((low, _), (high, score)),) = answer.json()["result"]
    assert (low, high) == ("0", "1")
    assert score > 0.99
    assert (regress.status, type(regress.json()["error"])) == (400, str)


@pytest.mark.promise("serve.sagemaker", "serve.csv")
def test_a_signed_sagemaker_request_hands_its_token_beside_the_signature(shared: Stage) -> None:
    token = read_token(shared.project.run_folder / "token")
    path = "/endpoints/production/invocations"
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=k", "content_type": "text/csv"}
    with shared.client() as client:
        refused = client.ask("POST", path, b"150,a,2024-01-05\n", **signed)
        answer = client.ask("POST", path, b"150,a,\n50,b,\n", x_mlwright_token=token or "", **signed)
    assert refused.status == 401
    assert answer.headers["x-amzn-invoked-production-variant"] == "champion"
    assert [item["prediction"] for item in answer.json()["predictions"]] == [1, 0]


@pytest.mark.promise("serve.azure", "serve.mlflow-scoring")
def test_azure_and_mlflow_send_data_frames(shared: Stage) -> None:
    frame = {"columns": list(ROWS[0]), "data": [list(one.values()) for one in ROWS]}
    with shared.client() as client:
        azure = client.ask("POST", "/score", json.dumps({"input_data": frame}).encode())
        mlflow = client.ask("POST", "/invocations", json.dumps({"dataframe_split": frame}).encode())
    assert azure.headers["azureml-model-deployment"] == "champion"
    assert azure.json() == mlflow.json()
    assert [item["prediction"] for item in azure.json()["predictions"]] == [1, 0]


@pytest.mark.promise("serve.vertex")
def test_the_variables_of_vertex_name_port_and_routes(project: Project) -> None:
    output = project.root / "serve.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(project.root)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "AIP_HEALTH_ROUTE": "/alive", "AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict"},
        )
    try:
        wait_for(lambda: "\n" in output.read_text() or process.poll() is not None, "serve is ready")
        port = int(json.loads(output.read_text().splitlines()[0])["url"].rsplit(":", 1)[1])
        with Client(port, read_token(project.run_folder / "token")) as client:
            assert client.ask("GET", "/alive").json() == {"ready": True}
            body = {"instances": ROWS, "parameters": None}
            answer = client.ask("POST", "/v1/endpoints/7:predict", json.dumps(body).encode()).json()
        assert [item["prediction"] for item in answer["predictions"]] == [1, 0]
        assert answer["deployedModelId"] == "champion"
    finally:
        process.terminate()
        assert process.wait(30) == 0, output.read_text()


@pytest.mark.promise("serve.vertex")
def test_a_variable_of_vertex_that_makes_no_sense_is_refused(project: Project) -> None:
    def settle(listening: Listening, **environ: str) -> int:
        config = configure_server(
            project,
            listening,
            document=project.run_folder / "deployments.json",
            server_file=project.run_folder / "server.json",
            environ=environ,
        )
        return config.port

    assert settle(Listening(), AIP_HTTP_PORT="8087") == 8087
    assert settle(Listening(port=0), AIP_HTTP_PORT="8087") == 0
    for name, value in [
        ("AIP_HTTP_PORT", "http"),
        ("AIP_HTTP_PORT", "70000"),
        ("AIP_PREDICT_ROUTE", "predict"),
    ]:
        with pytest.raises(UsageError, match=name):
            settle(Listening(), **{name: value})
