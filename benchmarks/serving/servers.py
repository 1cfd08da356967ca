"""The two servers under measurement, each pinned to one core: mlwright, and nginx answering a constant."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 20.0
MLWRIGHT = (sys.executable, "-m", "mlwright")
NAME = "bench"


@dataclass
class Server:
    """A running server: its process, port, and the folder whose request log may be emptied between runs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path | None = None

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(timeout=15)

    def drop_old_log(self) -> None:
        """Delete finished log segments, so that a long measurement does not fill the disk."""
        if self.log is not None:
            for segment in sorted(self.log.rglob("*.log"), key=lambda path: path.stat().st_mtime)[:-1]:
                segment.unlink()


def start_mlwright(folder: Path, model_file: Path, *, core: int) -> Server:
    """Import the model into an empty project and serve it with one worker."""
    project = folder / NAME
    shutil.rmtree(project, ignore_errors=True)
    _run([*MLWRIGHT, "init", NAME, "--empty"], folder)
    _run([*MLWRIGHT, "model", "import", str(model_file), "--framework", "lightgbm", "--name", NAME], project)
    port = free_port()
    command = [*MLWRIGHT, "serve", f"{NAME}@latest", "--port", str(port), "--workers", "1", "--no-auth"]
    server = Server(_pinned(command, project, core), port, project / ".mlwright" / "log")
    _wait(server, "/v2/health/ready")
    return server


def start_nginx(folder: Path, answer: str, *, core: int) -> Server:
    """Answer every request with the same bytes, no access log."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        raise SystemExit("nginx is missing: apt-get install nginx-light")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.error warn;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""
    )
    server = Server(_pinned([nginx, "-c", str(config), "-p", str(folder)], folder, core), port)
    _wait(server, "/")
    return server


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


def _pinned(command: list[str], folder: Path, core: int) -> subprocess.Popen[bytes]:
    with (folder / "server.out").open("ab") as output:
        return subprocess.Popen(
            ["taskset", "-c", str(core), *command], cwd=folder, stdout=output, stderr=output
        )


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _wait(server: Server, path: str) -> None:
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
    raise SystemExit(f"the server on port {server.port} did not start; see server.out beside its files")
