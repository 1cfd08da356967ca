"""What `serve` and `up` share: address, tokens and authorisation of the server to start."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

from mlwright.packaging import find_runtime_library
from mlwright.project import Project
from mlwright.serving import ServerConfig, check_exposure, ensure_token, is_loopback
from mlwright.store import audit


@dataclass(frozen=True)
class Listening:
    """Where to listen and who may ask; None takes what `[serving]` says."""

    host: str | None = None
    port: int | None = None
    admin_port: int | None = None
    grpc_port: int | None = None
    workers: int | None = None
    no_auth: bool = False
    insecure_no_tls: bool = False


def configure_server(
    project: Project, listening: Listening, *, document: Path, server_file: Path
) -> ServerConfig:
    """Settle a server's configuration: flags over `[serving]`, tokens made on first use.

    Raises `BindRefused` for an address that others can reach without protection.
    """
    settings = project.config.serving
    host = listening.host or settings.host
    check_exposure(host, has_auth=not listening.no_auth, allows_plain_text=listening.insecure_no_tls)
    if not is_loopback(host):
        _audit_exposure(project, host)
    folder = project.run_folder
    return ServerConfig(
        host=host,
        port=settings.port if listening.port is None else listening.port,
        admin_port=settings.admin_port if listening.admin_port is None else listening.admin_port,
        workers=settings.workers if listening.workers is None else listening.workers,
        token=None if listening.no_auth else ensure_token(folder / "token"),
        admin_token=ensure_token(folder / "admin.token"),
        document=document,
        packages=project.packages,
        log=project.log,
        server_file=server_file,
        log_inputs=settings.log_inputs,
        onnxruntime=find_runtime_library(),
        grpc_port=settings.grpc_port if listening.grpc_port is None else listening.grpc_port,
    )


def actor_name() -> str:
    """Name the person at the keyboard, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _audit_exposure(project: Project, host: str) -> None:
    with project.database.write() as tx:
        audit(
            tx,
            actor=actor_name(),
            action="server.exposed-without-tls",
            target=host,
            facts={"flag": "--insecure-no-tls"},
        )
