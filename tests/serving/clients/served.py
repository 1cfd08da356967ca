"""A server with one model of columns and one of a matrix, for clients of others to call."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlwright.serving import Limits, ServerConfig, ServerProcess
from mlwright.store import canonical_json, digest_bytes, write_atomic
from tests.serving.packages import write_package

SCRIPTS = Path(__file__).parent / "scripts"
TOKEN = "token-of-the-client-tests"
BOUND_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """Where the server listens."""

    http: str
    grpc: str

    def call(self, python: Path, script: str, *arguments: str) -> str:
        """Run a client in its own process and environment; give what it printed, fail when it failed."""
        command = [str(python), str(SCRIPTS / script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def serve(folder: Path, limits: Limits | None = None) -> Iterator[Served]:
    """Serve `fraud` (version 1: fraud above 100) and `matrix` (version 4: sigmoid of a - b)."""
    packages = folder / "packages"
    deployments = [
        _deployment("fraud", 1, write_package(packages, limit=100)),
        _deployment("matrix", 4, _write_matrix(packages)),
    ]
    document = folder / "deployments.json"
    body = {"format": 1, "epoch": 1, "deployments": deployments}
    write_atomic(document, canonical_json(body).encode())
    config = ServerConfig(
        host="127.0.0.1",
        port=0,
        admin_port=0,
        workers=1,
        token=TOKEN,
        admin_token="admin-" + TOKEN,
        document=document,
        packages=packages,
        log=folder / "log",
        server_file=folder / "server.json",
        grpc_port=0,
        limits=limits or Limits(),
    )
    process = ServerProcess.start(config, folder=folder)
    try:
        address = process.server.grpc_address
        assert address is not None
        yield Served(f"127.0.0.1:{process.server.port}", address)
    finally:
        process.stop()


def _deployment(name: str, version: int, digest: str) -> dict[str, object]:
    variant = {"name": "champion", "model": name, "version": version, "digest": digest, "weight": 1.0}
    return {"name": name, "model": name, "unit": None, "salt": "s", "rollout": 0, "variants": [variant]}


def _write_matrix(folder: Path) -> str:
    model = canonical_json(
        {
            "format": 1,
            "features": 2,
            "link": "sigmoid",
            "coefficients": [[1.0, -1.0]],
            "intercept": [0.0],
        }
    ).encode()
    manifest = canonical_json(
        {
            "format": 1,
            "name": "matrix",
            "task": "binary",
            "engine": {"kind": "linear", "file": "model.linear.json"},
            "signature": {
                "kind": "tensor",
                "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}],
                "outputs": [{"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}],
                "classes": [0, 1],
                "positive": 1,
                "threshold": 0.5,
            },
            "files": {
                "model.linear.json": {"size": len(model), "sha256": digest_bytes(model), "mode": 0o644}
            },
            "provenance": {},
            "licence": None,
        }
    ).encode()
    digest = digest_bytes(manifest)
    target = folder / digest
    target.mkdir(parents=True, exist_ok=True)
    for name, content in {"model.linear.json": model, "manifest.json": manifest}.items():
        (target / name).write_bytes(content)
        (target / name).chmod(0o644)
    return digest
