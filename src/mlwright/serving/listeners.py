"""Listening sockets that outlive a server: the supervisor opens them, each server it starts inherits them.

Callers that connect while one server ends and the next begins wait in the backlog; nobody is refused.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace

from mlwright.errors import ServerError
from mlwright.serving.configuration import Inherited, ServerConfig

BACKLOG = 4096
ADMIN_HOST = "127.0.0.1"


class Listeners:
    """The open sockets of one supervisor."""

    def __init__(self, serving: socket.socket, admin: socket.socket, grpc: socket.socket | None) -> None:
        self._serving = serving
        self._admin = admin
        self._grpc = grpc

    @classmethod
    def open(cls, config: ServerConfig) -> Listeners:
        """Listen where a configuration says.

        Raises `ServerError` when an address is taken or not ours.
        """
        with contextlib.ExitStack() as opened:
            serving = opened.enter_context(_listen(config.host, config.port))
            admin = opened.enter_context(_listen(ADMIN_HOST, config.admin_port))
            grpc = config.grpc_port
            over_grpc = None if grpc is None else opened.enter_context(_listen(config.host, grpc))
            opened.pop_all()
        return cls(serving, admin, over_grpc)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Give what a child process has to inherit."""
        return tuple(opened.fileno() for opened in self._sockets)

    def configure(self, config: ServerConfig) -> ServerConfig:
        """Give the configuration of a server that inherits these sockets."""
        return replace(
            config,
            port=int(self._serving.getsockname()[1]),
            admin_port=int(self._admin.getsockname()[1]),
            grpc_port=None if self._grpc is None else int(self._grpc.getsockname()[1]),
            inherited=Inherited(*self.descriptors),
        )

    def close(self) -> None:
        """Stop listening; a running server that inherited the sockets goes on."""
        for opened in self._sockets:
            opened.close()

    @property
    def _sockets(self) -> tuple[socket.socket, ...]:
        both = (self._serving, self._admin)
        return both if self._grpc is None else (*both, self._grpc)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as cause:
        raise _cannot_listen(host, port, cause) from cause
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.settimeout(0.0)
    except OSError as cause:
        opened.close()
        raise _cannot_listen(host, port, cause) from cause
    return opened


def _cannot_listen(host: str, port: int, cause: OSError) -> ServerError:
    return ServerError(
        f"the server did not start: cannot listen on {host}:{port}: {cause.strerror or cause}",
        hint="choose another port with --port",
        reason="server.bind",
    )
