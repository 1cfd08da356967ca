"""Start the server, reach it, and keep it from being exposed by accident."""

from mlwright.serving.admin import AdminClient, Reload
from mlwright.serving.configuration import Container, Limits, ServerConfig, Tls
from mlwright.serving.exposure import check_exposure, is_loopback
from mlwright.serving.infer_message import METHOD as INFER_METHOD
from mlwright.serving.knee import Knee, Objective, find_knee, ramp
from mlwright.serving.listeners import Listeners
from mlwright.serving.load import (
    ArrivalKind,
    Counts,
    Durations,
    LoadSettings,
    LoadStep,
    LoadTarget,
    OnProgress,
    Protocol,
    measure_load,
)
from mlwright.serving.load_bodies import BODIES, bodies_of, make_rows, messages_of, sample_rows
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
    "BODIES",
    "INFER_METHOD",
    "AdminClient",
    "ArrivalKind",
    "Container",
    "Counts",
    "Durations",
    "Knee",
    "Limits",
    "Listeners",
    "LoadSettings",
    "LoadStep",
    "LoadTarget",
    "Objective",
    "OnProgress",
    "Protocol",
    "Reload",
    "RunningServer",
    "ServerConfig",
    "ServerProcess",
    "Tls",
    "bodies_of",
    "check_exposure",
    "check_package",
    "ensure_token",
    "find_knee",
    "find_server",
    "is_alive",
    "is_loopback",
    "make_rows",
    "measure_load",
    "messages_of",
    "ramp",
    "read_token",
    "run_server",
    "sample_rows",
    "wait_until_ready",
]
