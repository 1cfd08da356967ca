"""Start the server, find the one that runs, and wait until it answers.

`mlwright serve` becomes the server it starts: what only others call imports `http.client`, `ssl`,
`subprocess` and `dataclasses` when it is called; this process would wait for them and keep them for ever.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright import native
from mlwright.errors import ServerError, ServerRefused
from mlwright.record import Record
from mlwright.serving.configuration import ServerConfig
from mlwright.store import write_atomic

if TYPE_CHECKING:
    import http.client
    import subprocess

    from mlwright.serving.admin import AdminClient
    from mlwright.serving.listeners import Listeners

READY_SECONDS = 30.0
DRAIN_SECONDS = 15.0  # the server itself drains for at most 10 s
POLL_SECONDS = 0.02
PROBE_SECONDS = 2.0
LAST_WORDS_BYTES = 2_000

ENTRY = (  # the door alone: importing `mlwright.serving` in the server would cost it 10 MB
    "import pathlib, sys; from mlwright import native; "
    "sys.exit(native.serve(pathlib.Path(sys.argv[1]).read_text(encoding='utf-8')))"
)


class RunningServer(Record):
    """A server that wrote where it listens."""

    pid: int
    host: str
    port: int
    admin_port: int
    started_us: int = 0
    grpc_port: int | None = None
    epoch: int = 0
    is_tls: bool = False

    @property
    def url(self) -> str:
        """Give the address for callers."""
        scheme = "https" if self.is_tls else "http"
        return f"{scheme}://{self._callable_host}:{self.port}"

    @property
    def grpc_address(self) -> str | None:
        """Give the address for gRPC callers; None when there is no gRPC."""
        return None if self.grpc_port is None else f"{self._callable_host}:{self.grpc_port}"

    @property
    def local_host(self) -> str:
        """Give the host by which this machine reaches the server, without brackets."""
        bare = self.host.strip("[]")
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)  # noqa: S104  # compared only

    @property
    def _callable_host(self) -> str:
        host = self.local_host
        return f"[{host}]" if ":" in host else host

    def is_ready(self) -> bool:
        """Tell whether the server answers predictions."""
        import http.client

        connection = self._connect(self.local_host)
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _connect(self, host: str) -> http.client.HTTPConnection:
        import http.client
        import ssl

        if not self.is_tls:
            return http.client.HTTPConnection(host, self.port, timeout=PROBE_SECONDS)
        # Our own server on this machine, asked only whether it is ready: its certificate names another host.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, self.port, timeout=PROBE_SECONDS, context=context)


def run_server(config: ServerConfig) -> int:
    """Serve in this process until it is asked to stop; give the exit code. Call it from the main thread.

    Ctrl-C is the server's to handle: with Python's handler beside it, a drained server ends in a traceback.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return native.serve(config.to_json())
    except native.NativeError as cause:
        code, message = cause.args
        hint = "choose another port with --port" if code == "server.bind" else "look at .mlwright/run"
        raise ServerError(f"the server did not start: {message}", hint=hint, reason=code) from cause
    finally:
        signal.signal(signal.SIGINT, before)


def read_server_file(path: Path) -> RunningServer | None:
    """Read where a server said it listens; it may have ended since."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        pid, grpc_port = int(facts["pid"]), facts.get("grpc_port")
        return RunningServer(
            pid=pid,
            host=str(facts["host"]),
            port=int(facts["port"]),
            admin_port=int(facts["admin_port"]),
            started_us=int(facts.get("started_us", 0)),
            grpc_port=None if grpc_port is None else int(grpc_port),
            epoch=int(facts.get("epoch", 0)),
            is_tls=bool(facts.get("tls", False)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_server(server_file: Path, admin_token: str | None) -> RunningServer | None:
    """Find the server that serves this project now, by asking it; None when none answers."""
    from mlwright.serving.admin import AdminClient

    server = read_server_file(server_file)
    if server is None or admin_token is None or not is_alive(server.pid):
        return None
    try:
        AdminClient(server.admin_port, admin_token, pid=server.pid).status()
    except ServerError:
        return None
    return server


def is_alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_ready(
    config: ServerConfig, pid: int, *, is_running: Callable[[], bool], seconds: float = READY_SECONDS
) -> RunningServer:
    """Wait until the server with this process id answers predictions.

    Raises `ServerError` when it ends, says that it cannot serve its document, or takes longer than `seconds`.
    """
    from mlwright.serving.admin import AdminClient

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        server = read_server_file(config.server_file)
        if server is not None and server.pid == pid:
            # Beside another server a question may reach either: this one serves, or it ends.
            if server.epoch > 0 if config.must_serve else server.is_ready():
                return server
            _raise_refusal(AdminClient(server.admin_port, config.admin_token))
        if not is_running():
            raise ServerError(
                "the server ended before it was ready",
                hint="its last words are in .mlwright/run/server.log",
            )
        time.sleep(POLL_SECONDS)
    raise ServerError(
        f"the server was not ready within {seconds:.0f} s",
        hint="look at .mlwright/run/server.log and at the load of this machine",
    )


def wait_until_written(config: ServerConfig, pid: int, *, since_us: int) -> RunningServer | None:
    """Wait until the server with this process id says where it serves; None when it serves nothing.

    Asks no question: it is for the server's own process, whose file appears once it serves its document. A
    file from before `since_us` is of an earlier process with the same number, as in a container all have.
    """
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        server = read_server_file(config.server_file)
        if server is not None and server.pid == pid and server.started_us >= since_us:
            return server if server.epoch > 0 else None
        time.sleep(POLL_SECONDS)
    return None


def _raise_refusal(client: AdminClient) -> None:
    problem = client.status().get("last_error")
    if problem:
        raise ServerRefused(
            f"the server cannot serve the deployment document: {problem}",
            hint="`mlwright rollback` goes back or ends a rollout; `mlwright model list` shows versions",
        )


class ServerProcess:
    """A server in a process of its own, started by this one or found running after a restart."""

    def __init__(self, server: RunningServer, child: subprocess.Popen[bytes] | None) -> None:
        self.server = server
        self._child = child

    @classmethod
    def start(
        cls, config: ServerConfig, *, folder: Path, listeners: Listeners | None = None, beside: bool = False
    ) -> ServerProcess:
        """Start a server and wait until it answers; `beside` another one on the same sockets, until it could.

        Raises `ServerError` with the server's last words.
        """
        import subprocess
        from dataclasses import replace

        if listeners is not None:
            config = replace(listeners.configure(config), must_serve=beside)
        written = folder / "server-config.json"
        write_atomic(written, config.to_json().encode(), mode=0o600)
        log = folder / "server.log"
        if log.exists():
            log.replace(folder / "server.previous.log")
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-P", "-c", ENTRY, str(written)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=() if listeners is None else listeners.descriptors,
                start_new_session=True,  # Ctrl-C reaches us, we drain the server
            )
        try:
            server = wait_until_ready(config, child.pid, is_running=lambda: child.poll() is None)
        except ServerRefused:
            _end(child)
            raise
        except ServerError as cause:
            _end(child)
            raise ServerError(f"{cause.message}: {_last_words(log)}", hint=cause.hint) from cause
        except BaseException:
            _end(child)
            raise
        return cls(server, child)

    @property
    def pid(self) -> int:
        """Give the process id."""
        return self.server.pid

    def is_alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._child.poll() is None if self._child is not None else is_alive(self.pid)

    def ask_to_end(self) -> None:
        """Ask the server to finish what it has begun and end."""
        self._signal(signal.SIGTERM)

    def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Ask the server to finish what it has begun and end; end it when it takes too long."""
        self.ask_to_end()
        until = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        if self.is_alive():
            self._signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        if self._child is not None:
            self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._child is not None:
                self._child.send_signal(number)
            else:
                os.kill(self.pid, number)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


def _last_words(log: Path) -> str:
    try:
        text = log.read_bytes()[-LAST_WORDS_BYTES:].decode(errors="replace").strip()
    except OSError:
        return "it said nothing"
    return text.splitlines()[-1] if text else "it said nothing"
