"""A real `up` in a process of its own, and callers whose labels follow a rule."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlwright.project import Project
from mlwright.serving import RunningServer, find_server, read_token
from tests.serving.client import Client
from tests.serving.conftest import wait_for
from tests.serving.packages import row

UP = """
import json, pathlib, sys
from mlwright.commands.server_settings import Listening
from mlwright.commands.up import UpRequest, up
def tell(event):
    facts = {"kind": event.kind, "text": event.text, "facts": dict(event.facts)}
    print(json.dumps(facts, default=str), flush=True)
up(UpRequest(pathlib.Path(sys.argv[1]), Listening(port=0)), tell)
"""


@dataclass
class Running:
    """An `up` process and what it said."""

    project: Project
    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(cls, project: Project) -> Running:
        output = project.root / f"up-{random.getrandbits(32):08x}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", UP, str(project.root)], stdout=file, stderr=subprocess.STDOUT
            )
        running = cls(project, process, output)
        wait_for(lambda: running.has("ready") or process.poll() is not None, "up is ready")
        assert running.has("ready"), running.output.read_text()
        return running

    def events(self) -> list[dict[str, object]]:
        lines = self.output.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def has(self, kind: str) -> bool:
        return any(event["kind"] == kind for event in self.events())

    def wait(self, kind: str) -> None:
        wait_for(lambda: self.has(kind), lambda: f"event {kind}\n{self.output.read_text()}")

    def server(self) -> RunningServer:
        folder = self.project.run_folder
        found = wait_for(
            lambda: find_server(folder / "server.json", read_token(folder / "admin.token")), "a server"
        )
        assert isinstance(found, RunningServer)
        return found

    def client(self) -> Client:
        return Client(self.server().port, read_token(self.project.run_folder / "token"))

    def drive(self, truth: Callable[[float], int], until: Callable[[], bool], *, seed: int = 1) -> int:
        """Send traffic whose labels follow `truth` until something happened; give how many were served."""
        rng = random.Random(seed)
        served = 0

        def send() -> bool:
            nonlocal served
            with self.client() as client:
                for _ in range(50):
                    amount = rng.uniform(0, 200)
                    (answer,) = client.predict(row(amount), unit=f"unit-{rng.getrandbits(40)}")
                    assert client.tell({"id": answer["id"], "label": truth(amount)}).status < 300
                    served += 1
            return until()

        wait_for(send, lambda: f"traffic made it happen\n{self.output.read_text()}", seconds=60)
        return served

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)
