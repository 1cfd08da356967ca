"""Serve versions by name, or the project's deployments, without the control loop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mlwright.commands.server_settings import Listening, actor_name, configure_server
from mlwright.deployment import Deployment
from mlwright.errors import ServerError, UsageError
from mlwright.project import Project, find_project
from mlwright.record import Record, field
from mlwright.registry import parse_reference
from mlwright.serving import (
    ServerConfig,
    check_package,
    find_server,
    read_token,
    run_server,
    wait_until_written,
)
from mlwright.store import canonical_json


class ServeRequest(Record):
    """What to serve, and where; without `references` the project's deployments."""

    project: Path
    references: tuple[str, ...] = ()
    listening: Listening = field(default_factory=Listening)


class Serving(Record):
    """A server that answers."""

    url: str
    grpc_address: str | None
    admin_port: int
    pid: int
    token_file: Path | None
    names: tuple[str, ...]


class ServeResult(Record):
    """How the server ended."""

    exit_code: int


def serve(request: ServeRequest, on_ready: Callable[[Serving], None]) -> ServeResult:
    """Serve in this process until SIGTERM or Ctrl-C; `on_ready` is called once, from another thread.

    Raises `NothingToServe`, `ModelUnknown`, `PackageCorrupt`, `BindRefused` and `ServerError`.
    """
    project = find_project(request.project)
    document, names = (
        _write_own_document(project, request.references) if request.references else _publish_project(project)
    )
    server_file = document.parent / "server.json"
    config = configure_server(project, request.listening, document=document, server_file=server_file)
    token_file = None if config.token is None else project.run_folder / "token"
    watcher = threading.Thread(
        target=_announce, args=(config, time.time_ns() // 1000, names, token_file, on_ready), daemon=True
    )
    watcher.start()
    try:
        return ServeResult(run_server(config))
    finally:
        if request.references:
            import shutil

            shutil.rmtree(document.parent, ignore_errors=True)


def _publish_project(project: Project) -> tuple[Path, tuple[str, ...]]:
    from mlwright.deployment import document_path, nothing_to_serve, publish, target_of

    if not project.config.deployment:
        raise nothing_to_serve(project)
    folder = project.run_folder
    running = find_server(folder / "server.json", read_token(folder / "admin.token"))
    if running is not None:
        raise ServerError(
            f"a server (process {running.pid}) serves this project already on {running.url}",
            hint="stop it first; `mlwright serve NAME@VERSION` serves versions beside it",
            pid=running.pid,
        )
    published = publish(project, target_of(project), actor=actor_name(), reason="mlwright serve")
    _check_packages(project, published.document.deployments)
    return document_path(project), tuple(item.name for item in published.document.deployments)


def _write_own_document(project: Project, references: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    from mlwright.deployment import serve_exactly

    wanted = [parse_reference(text) for text in references]
    names = [reference.name for reference in wanted]
    if len(set(names)) != len(names):
        raise UsageError(
            "one server answers one version per model name",
            hint="a split between versions is a rollout: `mlwright rollout start`",
        )
    with project.database.read() as tx:
        deployments = serve_exactly(wanted, tx)
    _check_packages(project, deployments)
    body = {"format": 1, "epoch": 1, "deployments": [item.to_json() for item in deployments]}
    folder = project.run_folder / f"serve-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)  # it may be there from an earlier process with this number
    document = folder / "deployments.json"
    document.write_text(canonical_json(body), encoding="utf-8")  # read by this process alone
    return document, tuple(names)


def _check_packages(project: Project, deployments: Sequence[Deployment]) -> None:
    for deployment in deployments:
        for variant in deployment.variants:
            check_package(project.packages, variant.digest)


def _announce(
    config: ServerConfig,
    since_us: int,
    names: tuple[str, ...],
    token_file: Path | None,
    on_ready: Callable[[Serving], None],
) -> None:
    server = wait_until_written(config, os.getpid(), since_us=since_us)
    if server is not None:  # otherwise the server itself says why it does not start
        on_ready(Serving(server.url, server.grpc_address, server.admin_port, server.pid, token_file, names))
