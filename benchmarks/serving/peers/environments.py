"""Which packages the peers are."""

from __future__ import annotations

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
