"""Nobody waits for the answer of a process that has ended, though its sockets are still open."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from mlwright.errors import ServerError
from mlwright.serving import AdminClient
from tests.serving.conftest import wait_for


@pytest.mark.promise("serve.crash")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="process descriptors are Linux's")
def test_a_question_ends_with_the_process_that_should_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, subprocess.Popen(["sleep", "60"]) as server:
        client = AdminClient(listener.getsockname()[1], "token", pid=server.pid)
        outcomes: list[ServerError] = []

        def ask() -> None:
            with pytest.raises(ServerError) as refused:
                client.reload()  # would wait half a minute
            outcomes.append(refused.value)

        asking = threading.Thread(target=ask)
        asking.start()
        with listener.accept()[0]:
            assert outcomes == []
            server.kill()
            wait_for(lambda: outcomes, "the question ends", seconds=5)
        asking.join()
