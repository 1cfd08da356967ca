"""What `serve` and `up` share: address, tokens and authorisation of the server to start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mlwright.errors import ConfigError, UsageError
from mlwright.packaging import find_runtime_library
from mlwright.project import Project
from mlwright.record import Record
from mlwright.serving import Container, ServerConfig, Tls, check_exposure, ensure_token, is_loopback
from mlwright.store import audit


class Listening(Record):
    """Where to listen and who may ask; None takes what `[serving]` says."""

    host: str | None = None
    port: int | None = None
    admin_port: int | None = None
    grpc_port: int | None = None
    workers: int | None = None
    no_auth: bool = False
    insecure_no_tls: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None


def configure_server(
    project: Project,
    listening: Listening,
    *,
    document: Path,
    server_file: Path,
    environ: Mapping[str, str] | None = None,
) -> ServerConfig:
    """Settle a server's configuration: flags over the platform's `AIP_*` variables over `[serving]`; tokens
    are made on first use.

    Raises `BindRefused` for an address that others can reach without protection, `UsageError` for a variable
    that cannot be meant.
    """
    settings = project.config.serving
    platform = _platform(os.environ if environ is None else environ)
    host = listening.host or settings.host
    tls = _find_tls(project, listening)
    check_exposure(
        host,
        has_auth=not listening.no_auth,
        is_encrypted=tls is not None,
        allows_plain_text=listening.insecure_no_tls,
    )
    if tls is None and not is_loopback(host):
        _audit_exposure(project, host)
    folder = project.run_folder
    return ServerConfig(
        host=host,
        port=next(port for port in (listening.port, platform.port, settings.port) if port is not None),
        admin_port=settings.admin_port if listening.admin_port is None else listening.admin_port,
        workers=settings.workers if listening.workers is None else listening.workers,
        token=None if listening.no_auth else ensure_token(folder / "token"),
        admin_token=ensure_token(folder / "admin.token"),
        document=document,
        packages=project.packages,
        log=project.log,
        server_file=server_file,
        log_inputs=settings.log_inputs,
        access_log=settings.access_log,
        onnxruntime=find_runtime_library(),
        tls=tls,
        grpc_port=settings.grpc_port if listening.grpc_port is None else listening.grpc_port,
        container=platform.container,
    )


class _Platform(Record):
    port: int | None
    container: Container


def _platform(environ: Mapping[str, str]) -> _Platform:
    """What Vertex AI tells the containers it runs."""
    text = environ.get("AIP_HTTP_PORT") or None
    if text is not None and not (text.isdecimal() and 0 < int(text) < 65_536):
        raise UsageError(
            f"AIP_HTTP_PORT is {text!r}, not a port", hint="set AIP_HTTP_PORT to 1..65535, or unset it"
        )
    routes = {name: environ.get(name) or None for name in ("AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE")}
    for name, route in routes.items():
        if route is not None and not route.startswith("/"):
            raise UsageError(
                f"{name} is {route!r}, not a path", hint=f"let {name} begin with a slash, or unset it"
            )
    container = Container(routes["AIP_HEALTH_ROUTE"], routes["AIP_PREDICT_ROUTE"])
    return _Platform(None if text is None else int(text), container)


def _find_tls(project: Project, listening: Listening) -> Tls | None:
    settings = project.config.serving
    certificate = listening.tls_certificate or _within(project, settings.tls_certificate)
    key = listening.tls_key or _within(project, settings.tls_key)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError(
            "a certificate and its key belong together, and one of them is missing",
            hint="give both: --tls-certificate and --tls-key, or tls_certificate and tls_key in [serving]",
        )
    for path in (certificate, key):
        if not path.is_file():
            raise ConfigError(f"there is no file {str(path)!r}", hint="give the path of a PEM file")
    return Tls(str(certificate.resolve()), str(key.resolve()))


def _within(project: Project, path: str | None) -> Path | None:
    return None if path is None else project.root / path


def actor_name() -> str:
    """Name the person at the keyboard, for the record."""
    import getpass

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
