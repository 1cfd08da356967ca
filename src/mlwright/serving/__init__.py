"""Start the server, reach it, and keep it from being exposed by accident."""

from mlwright.serving.admin import AdminClient, Reload
from mlwright.serving.configuration import Limits, ServerConfig
from mlwright.serving.exposure import check_exposure, is_loopback
from mlwright.serving.package_check import check_package
from mlwright.serving.server import (
    RunningServer,
    ServerProcess,
    find_server,
    is_alive,
    run_server,
    wait_until_ready,
)
from mlwright.serving.token import ensure_token, read_token

__all__ = [
    "AdminClient",
    "Limits",
    "Reload",
    "RunningServer",
    "ServerConfig",
    "ServerProcess",
    "check_exposure",
    "check_package",
    "ensure_token",
    "find_server",
    "is_alive",
    "is_loopback",
    "read_token",
    "run_server",
    "wait_until_ready",
]
