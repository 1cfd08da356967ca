"""Start the server, reach it, and keep it from being exposed by accident.

A name is imported when it is first asked for: `mlwright serve` becomes the server and keeps what it imported.
"""

from typing import TYPE_CHECKING

from mlwright.late import late_names

if TYPE_CHECKING:
    from mlwright.serving.admin import AdminClient, Reload
    from mlwright.serving.configuration import Container, Limits, ServerConfig, Tls
    from mlwright.serving.exposure import check_exposure, is_loopback
    from mlwright.serving.infer_message import INFER_METHOD
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
        wait_until_written,
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
    "wait_until_written",
]

HOMES = {
    "admin": "AdminClient Reload",
    "configuration": "Container Limits ServerConfig Tls",
    "exposure": "check_exposure is_loopback",
    "infer_message": "INFER_METHOD",
    "knee": "Knee Objective find_knee ramp",
    "listeners": "Listeners",
    "load": "ArrivalKind Counts Durations LoadSettings LoadStep LoadTarget OnProgress Protocol measure_load",
    "load_bodies": "BODIES bodies_of make_rows messages_of sample_rows",
    "package_check": "check_package",
    "server": "RunningServer ServerProcess find_server is_alive run_server"
    " wait_until_ready wait_until_written",
    "token": "ensure_token read_token",
}

if not TYPE_CHECKING:  # a checker that saw this would believe in every name
    __getattr__ = late_names(__name__, HOMES)
