"""The running server of a project as the target of a load, with rows that it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlwright.errors import DataError, ServerError
from mlwright.project import Project, find_project
from mlwright.serving import (
    BODIES,
    INFER_METHOD,
    AdminClient,
    LoadTarget,
    RunningServer,
    bodies_of,
    find_server,
    make_rows,
    messages_of,
    read_token,
    sample_rows,
)


def running_target(folder: Path, *, wants_grpc: bool, rows_per_request: int, seed: int) -> LoadTarget:
    """Find the project's server and make requests for its first deployment.

    Rows come from the project's data; those that the deployment's contract refuses are left out. A project
    without data gets rows made from the package. Raises `ServerError` when no server runs, or one with TLS.
    """
    project = find_project(folder)
    server = running_server(project)
    if server.is_tls:
        raise ServerError(
            "the project's server speaks TLS, which is not measured",
            hint="serve the same versions beside it: `mlwright serve NAME@VERSION --port 0`, without TLS",
        )
    deployment = _deployment(project, server)
    package = project.packages / str(deployment["variants"][0]["digest"])
    count = BODIES * rows_per_request
    rows = _project_rows(project, package, count=count, seed=seed)
    if not rows:
        rows = make_rows(package, count=count, seed=seed)
    token = read_token(project.run_folder / "token")
    headers = () if token is None else (("authorization", f"Bearer {token}"),)
    host, name = server.local_host, str(deployment["name"])
    if not wants_grpc:
        bodies = bodies_of(rows, rows_per_request=rows_per_request)
        headers = (("content-type", "application/json"), *headers)
        path = f"/v1/predict/{name}"
        return LoadTarget("http", host, server.port, path, headers=headers, bodies=bodies, pid=server.pid)
    if server.grpc_port is None:
        raise ServerError("the server does not speak gRPC", hint="start it with --grpc-port 0")
    bodies = messages_of(rows, package, model=name, rows_per_request=rows_per_request)
    return LoadTarget(
        "grpc", host, server.grpc_port, INFER_METHOD, headers=headers, bodies=bodies, pid=server.pid
    )


def running_server(project: Project) -> RunningServer:
    """Find the server of `up` or `serve`, else one that serves versions of this project beside it."""
    admin_token = read_token(project.run_folder / "admin.token")
    for file in (project.run_folder / "server.json", *project.run_folder.glob("serve-*/server.json")):
        server = find_server(file, admin_token)
        if server is not None:
            return server
    raise ServerError(
        "no server of this project runs",
        hint="start one with `mlwright up` or `mlwright serve`, or name any server with --url",
    )


def _deployment(project: Project, server: RunningServer) -> dict[str, Any]:
    token = read_token(project.run_folder / "admin.token")
    assert token is not None, "a server was found with it"
    deployments = AdminClient(server.admin_port, token).status()["deployments"]
    assert isinstance(deployments, list)
    if not deployments:
        raise ServerError("the server serves nothing yet", hint="look at `mlwright status`")
    found: dict[str, Any] = deployments[0]
    return found


def _project_rows(project: Project, package: Path, *, count: int, seed: int) -> list[Any]:
    """Give rows of the project's data, none when there is no data that suits the package."""
    if not project.config.data.source or not (package / "contract.json").exists():
        return []
    from mlwright.data import open_source

    try:
        frame = open_source(project.root, project.config.data.source, project.config.data.sql).read()
    except DataError:
        return []  # the data has moved; made rows measure the server as well
    return list(sample_rows(frame, package, count=count, seed=seed))
