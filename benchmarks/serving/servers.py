"""Servers on one core: mlwright, and nginx answering constants. `peers/` has those of others."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
SERVER_CORE = 0
MLWRIGHT = (sys.executable, "-m", "mlwright")
SCRIPT = (str(Path(sys.executable).with_name("mlwright")),)  # what a person types
NAME, LARGE, NETWORK = "bench", "large", "network"
REFUSE = "/refuse"  # of nginx


@dataclass(frozen=True)
class Server:
    """A running server: its process, ports, and the folder whose request log may be emptied between runs."""

    process: subprocess.Popen[bytes]
    port: int
    grpc_port: int | None = None
    log: Path | None = None

    @property
    def pid(self) -> int:
        """The first process; its children count as well."""
        return self.process.pid

    def drop_old_log(self) -> None:
        """Delete finished log segments, so that a long measurement does not fill the disk."""
        if self.log is not None:
            for segment in sorted(self.log.rglob("*.log"), key=lambda path: path.stat().st_mtime)[:-1]:
                segment.unlink()


@dataclass(frozen=True)
class Launch:
    """How to start a server: command, folder it runs in, and what its environment has besides ours."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@contextlib.contextmanager
def running(
    launch: Launch, server_ports: tuple[int, int | None], ready: str, *, log: Path | None = None
) -> Iterator[Server]:
    """Start a server on the server's core, wait until a path answers 200, and end it afterwards."""
    port, grpc_port = server_ports
    with (launch.folder / "server.out").open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *launch.command],
            cwd=launch.folder,
            env={**os.environ, **launch.environment},
            stdout=output,
            stderr=output,
        )
    server = Server(process, port, grpc_port, log)
    try:
        _wait(server, ready, launch.folder / "server.out")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            # Triton's has been seen to ignore it: what was measured is not lost.
            process.kill()
            process.wait()


def import_model(folder: Path, model_file: Path, name: str = NAME) -> Path:
    """Bring the model into an empty project of the same name; give the project."""
    project = folder / name
    if not project.exists():
        run_command([*MLWRIGHT, "init", name, "--empty"], folder)
        framework = "onnx" if model_file.suffix == ".onnx" else "lightgbm"
        run_command(
            [*MLWRIGHT, "model", "import", str(model_file), "--framework", framework, "--name", name],
            project,
        )
    return project


def serve_command(port: int, grpc_port: int | None = None, name: str = NAME) -> list[str]:
    """Give the command that serves the imported model with one worker."""
    command = [*SCRIPT, "serve", f"{name}@latest", "--port", str(port), "--workers", "1", "--no-auth"]
    return command if grpc_port is None else [*command, "--grpc-port", str(grpc_port)]


def mlwright_server(project: Path) -> contextlib.AbstractContextManager[Server]:
    """Serve the model of the project's name with one worker."""
    port, grpc_port = free_port(), free_port() if offers_grpc() else None
    launch = Launch(serve_command(port, grpc_port, project.name), project, {})
    return running(launch, (port, grpc_port), "/v2/health/ready", log=project / ".mlwright" / "log")


def offers_grpc() -> bool:
    """Say whether this mlwright has a gRPC listener."""
    done = subprocess.run([*MLWRIGHT, "serve", "--help"], capture_output=True, text=True, check=False)
    return "--grpc-port" in done.stdout


def nginx_server(folder: Path, answers: Mapping[str, str]) -> contextlib.AbstractContextManager[Server]:
    """Answer every request to a path with the same bytes, those to :data:`REFUSE` with 503; no access log.

    A buffer takes head and body at once: 5 % less processor time for bodies of 8 kB than with the default of
    1 kB, a sixth for 30 kB.
    """
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        raise SystemExit("nginx is missing: apt-get install nginx-light")
    port = free_port()
    places = "\n".join(
        f"location = {path} {{ default_type application/json; return 200 '{answer}'; }}"
        for path, answer in {"/ready": "{}", **answers}.items()
    )
    refusal = json.dumps({"error": {"code": "overloaded", "message": "too many requests wait; try again"}})
    config = folder / "nginx.conf"
    config.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.error warn;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
  client_header_buffer_size 64k;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {places}
    location = {REFUSE} {{
      default_type application/json; add_header Retry-After 1 always; return 503 '{refusal}';
    }}
  }}
}}
"""
    )
    launch = Launch([nginx, "-c", str(config), "-p", str(folder)], folder, {})
    return running(launch, (port, None), "/ready")


def ask(server: Server, path: str, body: str) -> dict[str, object]:
    """Send one request and give the JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", path, body, {"content-type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{path} answered {response.status}: {text}")
    answer: dict[str, object] = json.loads(text)
    return answer


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_command(command: Sequence[str], folder: Path) -> str:
    """Run to the end and give the output."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _wait(server: Server, path: str, output: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise SystemExit(f"{server.process.args!r} did not start:\n{output.read_text()[-2000:]}")
