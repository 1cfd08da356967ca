"""Triton Inference Server with mlwright's tree kernel as its backend: same model code, other front end."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from peers.environments import TRITON
from reporting.environments import ROOT, environment
from servers import NAME, Launch, Server, free_port, run_command, running
from workload import FEATURES, INPUT, OUTPUT

BACKEND = Path(__file__).parent / "triton_backend"
BUILT = ROOT / ".cache" / "triton_backend"
LIBRARY = "libtriton_mlwright.so"
CONFIG = f"""name: "{NAME}"
backend: "mlwright"
max_batch_size: 0
input [{{ name: "{INPUT}" data_type: TYPE_FP64 dims: [-1, {FEATURES}] }}]
output [{{ name: "{OUTPUT}" data_type: TYPE_FP64 dims: [-1, 2] }}]
instance_group [{{ kind: KIND_CPU count: 1 }}]
"""


def triton_server(folder: Path, trees: Path) -> contextlib.AbstractContextManager[Server]:
    """Serve a `model.trees` file over HTTP and gRPC; metrics and info log off, threads as by default."""
    python = environment("triton", (), no_deps=TRITON)
    packages = next((python.parents[1] / "lib").glob("python*")) / "site-packages"
    home = folder / "triton"
    version = home / "models" / NAME / "1"
    version.mkdir(parents=True)
    shutil.copy(trees, version / "model.trees")
    (version.parent / "config.pbtxt").write_text(CONFIG)
    (home / "backends" / "mlwright").mkdir(parents=True)
    shutil.copy(build_backend(), home / "backends" / "mlwright" / LIBRARY)
    port, grpc_port = free_port(), free_port()
    command = [
        str(packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
        f"--model-repository={home / 'models'}",
        f"--backend-directory={home / 'backends'}",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={grpc_port}",
        "--allow-metrics=false",
        "--log-info=false",
    ]
    libraries = {"LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs")}
    return running(Launch(command, home, libraries), (port, grpc_port), "/v2/health/ready")


def build_backend() -> Path:
    """Compile the backend; its build folder is kept in the cache."""
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", str(BUILT)]
    if not shutil.which("cargo"):
        raise SystemExit(f"cargo is missing; it builds {os.path.relpath(BACKEND, ROOT)}")
    run_command(command, BACKEND)
    return BUILT / "release" / LIBRARY
