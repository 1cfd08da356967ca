"""Python servers with the same model in ONNX Runtime, at their fastest documented settings on one core."""

from __future__ import annotations

import contextlib
from pathlib import Path

from peers.environments import PYTHON_SERVERS
from reporting.environments import environment
from servers import Launch, Server, free_port, running

APPS = Path(__file__).parent / "apps"
ASGI, RSGI, FASTAPI = (
    "uvicorn raw ASGI + ONNX Runtime",
    "granian RSGI + ONNX Runtime",
    "FastAPI + ONNX Runtime",
)
UVICORN = (
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--no-access-log",
    "--log-level",
    "warning",
    "--workers",
    "1",
    "--lifespan",
    "off",
)
GRANIAN = (
    "--interface",
    "rsgi",
    "--http",
    "1",
    "--workers",
    "1",
    "--runtime-threads",
    "1",
    "--runtime-mode",
    "st",
)
GRANIAN_MORE = ("--loop", "uvloop", "--no-ws", "--no-access-log", "--log-level", "warning")
PREDICT = "/v1/models/bench:predict"


def python_server(name: str, folder: Path, model: Path) -> contextlib.AbstractContextManager[Server]:
    """Start one of the Python servers with an ONNX model."""
    python = environment("python-servers", PYTHON_SERVERS)
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    programs = {
        ASGI: ["uvicorn", "asgi:app", *where, *UVICORN],
        RSGI: ["granian", "rsgi:app", *where, *GRANIAN, *GRANIAN_MORE],
        FASTAPI: ["uvicorn", "fastapi_app:app", *where, *UVICORN],
    }
    program, *arguments = programs[name]
    home = folder / program / name.replace(" ", "-")
    home.mkdir(parents=True)
    environ = {"BENCH_MODEL": str(model), "PYTHONPATH": str(APPS)}
    return running(Launch([str(python.parent / program), *arguments], home, environ), (port, None), "/ready")
