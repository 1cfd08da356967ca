"""What the server is told when it starts."""

from __future__ import annotations

import json
from pathlib import Path

from mlwright.record import Record, field


class Limits(Record):
    """Bounds on what one request may cost; exceeding one is an answer, not a failure."""

    body_bytes: int = 64 * 1024 * 1024
    json_depth: int = 100
    header_timeout_ms: int = 10_000
    body_timeout_ms: int = 30_000
    idle_timeout_ms: int = 75_000
    queue_ms: int = 25
    slow_ms: int = 100
    rows: int = 100_000


class Tls(Record):
    """Where the certificate (PEM, followed by those that vouch for it) and its key are."""

    certificate: str
    key: str


class Inherited(Record):
    """Descriptors of listening sockets that a server takes over from its parent."""

    serving: int
    admin: int
    grpc: int | None = None


class Container(Record):
    """Paths that a platform wants of the containers it runs; they come beside the server's own."""

    health_route: str | None = None
    predict_route: str | None = None


class ServerConfig(Record):
    """Addresses, tokens and folders of one server process; `token=None` means no authorisation,
    `grpc_port=None` no gRPC."""

    host: str
    port: int
    admin_port: int
    workers: int
    token: str | None
    admin_token: str
    document: Path
    packages: Path
    log: Path
    server_file: Path
    log_inputs: bool = True
    access_log: bool = False
    onnxruntime: Path | None = None
    grpc_port: int | None = None
    tls: Tls | None = None
    inherited: Inherited | None = None
    must_serve: bool = False
    container: Container = field(default_factory=Container)
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> str:
        """Write the configuration as the server reads it."""
        return json.dumps(self, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    return vars(value) if isinstance(value, Record) else str(value)
