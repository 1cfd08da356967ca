"""Where the peers' packages live: one environment each, made on first use and kept in `.cache`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
TRITON = ("nvidia-pytriton==0.7.0",)
PYTHON_SERVERS = (
    "fastapi==0.165.0",
    "granian==2.8.7",
    "httptools==0.9.0",
    "numpy==2.4.6",
    "onnxruntime==1.32.0",
    "orjson==3.13.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
)
GRPC_CLIENT = ("grpcio>=1.76",)
VERSIONS = {"Triton": "2.51 (nvidia-pytriton 0.7.0)"} | {
    name: version for name, _, version in (text.partition("==") for text in PYTHON_SERVERS)
}


# Debian's interpreter is built with profile-guided optimisation; one built without it would flatter mlwright.
DEBIAN_PYTHON = Path("/usr/bin/python3.11")
INTERPRETER = str(DEBIAN_PYTHON) if DEBIAN_PYTHON.exists() else sys.executable


def environment(name: str, requirements: tuple[str, ...], *, no_deps: tuple[str, ...] = ()) -> Path:
    """Give the Python of an environment with these packages, as the slow tests make theirs."""
    spec = importlib.util.spec_from_file_location("test_environments", ROOT / "tests" / "environments.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    python: Path = module.environment(name, requirements, no_deps=no_deps, interpreter=INTERPRETER)
    return python
