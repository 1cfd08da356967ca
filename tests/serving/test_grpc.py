"""The gRPC listener as `serve` offers it; its protocol is tested in Rust and by clients of others."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading
from typing import BinaryIO

import pytest

from mlwright.commands.server_settings import Listening, configure_server
from mlwright.deployment import document_path, publish, target_of
from mlwright.project import Project
from mlwright.serving import ServerProcess
from mlwright.serving.server import read_server_file

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS, DATA, GOAWAY = 4, 1, 0, 7
END_HEADERS, END_STREAM = 4, 1
EMPTY_MESSAGE = b"\0\0\0\0\0"


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: str, value: str) -> bytes:
    """A literal of HPACK without an index."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _call(path: str) -> bytes:
    """A caller's first bytes: the preface, and a call with an empty message."""
    headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x"} | {
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(_header(name, value) for name, value in headers.items())
    return (
        PREFACE
        + _frame(SETTINGS, 0, 0, b"")
        + _frame(HEADERS, END_HEADERS, 1, block)
        + _frame(DATA, END_STREAM, 1, EMPTY_MESSAGE)
    )


def _wait_for(answer: BinaryIO, kind: int) -> bytes:
    """Read frames until one of this kind; give what is in it."""
    while True:
        head = answer.read(9)
        payload = answer.read(int.from_bytes(head[:3]))
        if head[3] == kind:
            return payload


def _ask(address: str, path: str) -> bytes:
    """Call with an empty message and give the message that comes back."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(_call(path))
        with connection.makefile("rb") as answer:
            return _wait_for(answer, DATA)


def _start(project: Project, listening: Listening) -> ServerProcess:
    publish(project, target_of(project), actor="test", reason="start")
    config = configure_server(
        project,
        listening,
        document=document_path(project),
        server_file=project.run_folder / "server.json",
    )
    return ServerProcess.start(config, folder=project.run_folder)


def test_grpc_answers_on_the_port_that_the_server_file_names(project: Project) -> None:
    server = _start(project, Listening(port=0, grpc_port=0))
    try:
        running = read_server_file(project.run_folder / "server.json")
        assert running is not None
        assert running.grpc_address == f"127.0.0.1:{running.grpc_port}"
        message = _ask(running.grpc_address, "/inference.GRPCInferenceService/ServerReady")
        assert message == b"\0\0\0\0\x02\x08\x01"
    finally:
        server.stop()


def test_without_a_port_there_is_no_grpc(project: Project) -> None:
    server = _start(project, Listening(port=0))
    try:
        running = read_server_file(project.run_folder / "server.json")
        assert running is not None
        assert running.grpc_address is None
        assert dataclasses.asdict(running)["grpc_port"] is None
    finally:
        server.stop()


@pytest.mark.promise("serve.grpc-conduct")
def test_a_server_that_drains_tells_its_callers_to_go(project: Project) -> None:
    server = _start(project, Listening(port=0, grpc_port=0))
    port = server.server.grpc_port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(_call("/inference.GRPCInferenceService/ServerReady"))
        with connection.makefile("rb") as answer:
            _wait_for(answer, DATA)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            assert int.from_bytes(_wait_for(answer, GOAWAY)[4:8]) == 0  # no error
    stopping.join()
