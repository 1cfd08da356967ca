"""TLS for callers: the answers are those of plain text, and who does not speak it gets none."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlwright.commands.server_settings import Listening, configure_server
from mlwright.deployment import document_path, publish, target_of
from mlwright.errors import ConfigError, ServerError
from mlwright.project import Project
from mlwright.serving import Limits, ServerProcess, read_token
from tests.serving.packages import body, row


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    subprocess.run(
        [*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    return certificate, key


def _listening(certificate: Path, key: Path) -> Listening:
    return Listening(port=0, tls_certificate=certificate, tls_key=key)


def _start(project: Project, listening: Listening, **changes: Any) -> ServerProcess:
    publish(project, target_of(project), actor="test", reason="start")
    server_file = project.run_folder / "server.json"
    config = configure_server(project, listening, document=document_path(project), server_file=server_file)
    return ServerProcess.start(dataclasses.replace(config, **changes), folder=project.run_folder)


@pytest.mark.promise("serve.tls")
def test_callers_speak_tls_and_plain_text_gets_no_answer(
    project: Project, certificate: tuple[Path, Path]
) -> None:
    server = _start(project, _listening(*certificate))
    try:
        assert server.server.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate[0]))
        connection = http.client.HTTPSConnection("127.0.0.1", server.server.port, context=context, timeout=10)
        headers = {"authorization": f"Bearer {read_token(project.run_folder / 'token')}"}
        for _ in range(3):
            connection.request("POST", "/v1/predict/production", body(row(50)), headers)
            answer = connection.getresponse()
            assert answer.status == 200
            assert json.loads(answer.read())["predictions"][0]["version"] == 1
        connection.close()
        with socket.create_connection(("127.0.0.1", server.server.port), timeout=10) as plain:
            plain.sendall(b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/")
    finally:
        server.stop()


@pytest.mark.promise("serve.sheds")
def test_refusals_before_a_request_is_one_are_encrypted_too(
    project: Project, certificate: tuple[Path, Path]
) -> None:
    server = _start(project, _listening(*certificate), workers=1, limits=Limits(queue_ms=0))
    context = ssl.create_default_context(cafile=str(certificate[0]))
    headers = {"authorization": f"Bearer {read_token(project.run_folder / 'token')}"}
    port = server.server.port
    crowd = [http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10) for _ in range(8)]
    try:
        for connection in crowd:
            connection.request("GET", "/health")
            assert connection.getresponse().read()
        many, name = json.dumps({"rows": [row(50)] * 2_000}), "x-request-id"
        early = 0
        for turn in range(200):
            crowd[0].request("POST", "/v1/predict/production", many, {**headers, name: f"turn-{turn}"})
            answer = crowd[0].getresponse()
            text = json.loads(answer.read())
            assert answer.status in {200, 503}
            assert answer.getheader(name) == f"turn-{turn}"
            if answer.status == 503:
                assert text["request_id"] == f"turn-{turn}"
                early += answer.getheader("date") is None
            if early == 20:
                break
        assert early == 20
    finally:
        for connection in crowd:
            connection.close()
        server.stop()


@pytest.mark.promise("serve.tls")
def test_http2_is_agreed_on_in_the_handshake(project: Project, certificate: tuple[Path, Path]) -> None:
    server = _start(project, _listening(*certificate))
    try:
        context = ssl.create_default_context(cafile=str(certificate[0]))
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", server.server.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as spoken,
        ):
            assert spoken.selected_alpn_protocol() == "h2"
    finally:
        server.stop()


def test_a_certificate_without_its_key_is_told(project: Project, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        _start(project, Listening(port=0, tls_certificate=certificate[0]))


def test_a_key_that_is_none_is_told(project: Project, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    wrong = tmp_path / "key.pem"
    wrong.write_text("no key\n")
    with pytest.raises(ServerError, match=r"key\.pem"):
        _start(project, _listening(certificate[0], wrong))
