"""The servers of one run, started when a section first needs them and all ended together."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from load import Load, Target, http_target
from network import make_network
from peers.onnx_model import write_onnx
from peers.python_servers import ASGI, FASTAPI, PREDICT, RSGI, python_server
from peers.triton import triton_server
from section import NGINX
from servers import LARGE, NAME, NETWORK, Server, ask, import_model, mlwright_server, nginx_server
from workload import OUTPUT, Requests, Workload, make_large

TENSORFLOW, NATIVE = "mlwright, TensorFlow route", "mlwright, native route"
TENSOR = "mlwright, Open Inference route"
TRITON = "Triton + the same kernel"
PATHS = {
    TENSORFLOW: f"/v1/models/{NAME}:predict",
    NATIVE: f"/v1/predict/{NAME}",
    TENSOR: f"/v2/models/{NAME}/infer",
}
LARGE_PATH = f"/v1/models/{LARGE}:predict"
NETWORK_PATH = f"/v1/models/{NETWORK}:predict"
OURS_TOLERANCE, PEER_TOLERANCE = 1e-9, 1e-5


@dataclass
class Fleet:
    """Running servers; `peers` says whether those of others take part."""

    folder: Path
    workload: Workload
    peers: bool
    stack: contextlib.ExitStack
    largest_errors: dict[str, float] = field(default_factory=dict)

    @cached_property
    def project(self) -> Path:
        """The project that holds the imported model."""
        return import_model(self.folder, self.workload.model_file)

    @cached_property
    def mlwright(self) -> Server:
        """Our server, one worker."""
        return self.stack.enter_context(mlwright_server(self.project))

    @cached_property
    def large(self) -> tuple[Server, Requests]:
        """Our server with a forest that takes some ten times as long a row, and requests for it."""
        model_file, requests = make_large(self.folder, seed=11, requests=64)
        project = import_model(self.folder, model_file, LARGE)
        return self.stack.enter_context(mlwright_server(project)), requests

    @cached_property
    def network(self) -> tuple[Server, Requests]:
        """Our server with a network that takes some milliseconds a row, and requests for it."""
        model_file, requests = make_network(self.folder, seed=11, requests=64)
        project = import_model(self.folder, model_file, NETWORK)
        return self.stack.enter_context(mlwright_server(project)), requests

    @cached_property
    def nginx(self) -> Server:
        """A constant of the size of a one-row answer on `/one-row`, of a 32-row answer on `/batch`."""
        answers = {}
        for path, requests in (("/one-row", self.workload.one_row), ("/batch", self.workload.batch)):
            answer = ask(self.mlwright, PATHS[TENSORFLOW], requests.tensorflow_bodies()[0])
            answers[path] = json.dumps(answer, separators=(",", ":"))
        return self.stack.enter_context(nginx_server(self.folder, answers))

    @cached_property
    def triton(self) -> Server:
        """Triton with the kernel of mlwright."""
        return self.stack.enter_context(triton_server(self.folder, self.package / "model.trees"))

    @cached_property
    def package(self) -> Path:
        """The folder of the imported package."""
        return next((self.project / ".mlwright" / "packages").iterdir())

    @cached_property
    def python_servers(self) -> dict[str, Server]:
        """Servers in Python with ONNX Runtime."""
        model = write_onnx(self.workload.booster, self.folder / "model.onnx")
        return {
            name: self.stack.enter_context(python_server(name, self.folder, model))
            for name in (ASGI, RSGI, FASTAPI)
        }

    def http_targets(
        self, requests: Requests, connections: int, *, nginx_path: str, routes: tuple[str, ...]
    ) -> list[Target]:
        """Give every server that takes these requests over HTTP, each checked against LightGBM first."""
        bodies = {
            TENSORFLOW: requests.tensorflow_bodies(),
            NATIVE: requests.native_bodies(),
            TENSOR: requests.tensor_bodies(),
        }
        scorers = {name: (self.mlwright, PATHS[name], bodies[name]) for name in routes}
        if self.peers:
            scorers[TRITON] = (self.triton, PATHS[TENSOR], bodies[TENSOR])
            scorers |= {name: (it, PREDICT, bodies[TENSORFLOW]) for name, it in self.python_servers.items()}
        for name, (server, path, sent) in scorers.items():
            self.check(name, server, path, sent, requests)
        scorers = {NGINX: (self.nginx, nginx_path, bodies[TENSORFLOW])} | scorers
        return [
            http_target(name, server, Load(connections, path, sent), self.folder)
            for name, (server, path, sent) in scorers.items()
        ]

    def check(self, name: str, server: Server, path: str, bodies: list[str], requests: Requests) -> None:
        """Compare every answer with LightGBM's own; a wrong server is not timed."""
        found = np.array([_positives(ask(server, path, body)) for body in bodies])
        self.note_error(name, float(np.abs(found - requests.expected).max()))

    def note_error(self, name: str, error: float) -> None:
        """Keep the largest difference from LightGBM; refuse one beyond what its arithmetic explains."""
        allowed = OURS_TOLERANCE if name.startswith(("mlwright", "Triton")) else PEER_TOLERANCE
        if not error <= allowed:
            raise SystemExit(f"{name} differs from LightGBM by up to {error:g}: nothing is measured")
        self.largest_errors[name] = max(error, self.largest_errors.get(name, 0.0))


def _positives(answer: dict[str, object]) -> list[float]:
    """Read the probability of class 1 of each row from an answer of any of the protocols."""
    match answer:
        case {"outputs": [{"name": name, "data": list(data)}]} if name == OUTPUT:
            return [float(value) for value in data[1::2]]
        case {"predictions": list(rows)}:
            pairs = [row["output"] if isinstance(row, dict) else row for row in rows]
            return [float(pair[1]) for pair in pairs]
        case _:
            raise SystemExit(f"an answer of another form: {answer!r}")
