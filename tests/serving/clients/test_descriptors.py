"""The protocol definitions of this repository say on the wire what those of others say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT, environment
from tests.serving.clients.served import SCRIPTS
from tests.serving.clients.test_grpc_clients import TRITON, tensorflow_python

pytestmark = pytest.mark.slow

PROTOS = ROOT / "crates" / "mlwright-http" / "proto"
Described = dict[str, list[object]]


def _describe(python: Path, *arguments: str) -> Described:
    done = subprocess.run(
        [str(python), str(SCRIPTS / "describe.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Described = json.loads(done.stdout)
    return found


def _ours(folder: Path, *protos: str) -> Described:
    """Compile with the compiler of protobuf itself: the build uses another one."""
    python = environment("protoc", ["grpcio-tools"])
    out = folder / "ours.bin"
    command = [str(python), "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"--descriptor_set_out={out}", *protos]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _describe(python, "--file", str(out))


def _differences(ours: Described, theirs: Described) -> list[str]:
    """Tell what is here and not there, or another there."""
    return [
        f"{name}: {value}, theirs {theirs.get(name)}"
        for name, value in ours.items()
        if theirs.get(name) != value
    ]


@pytest.mark.promise("serve.grpc-wire")
def test_the_open_inference_protocol_is_that_of_triton(tmp_path: Path) -> None:
    ours = _ours(tmp_path, "open_inference.proto")
    theirs = _describe(environment(*TRITON), "tritonclient.grpc.service_pb2")
    assert len(ours) >= 150
    assert _differences(ours, theirs) == []
    missing = {name.split("/")[1] for name in theirs if "/" in name and name not in ours}
    assert missing == {
        *("TraceSetting", "LogSettings"),
        *("SystemSharedMemoryStatus", "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister"),
        *("CudaSharedMemoryStatus", "CudaSharedMemoryRegister", "CudaSharedMemoryUnregister"),
    }


@pytest.mark.promise("serve.grpc-wire")
def test_tensorflow_serving_is_that_of_its_package(tmp_path: Path) -> None:
    ours = _ours(tmp_path, "tensorflow.proto", "tensorflow_serving.proto")
    modules = [f"tensorflow_serving.apis.{name}_pb2" for name in ("prediction_service", "model_service")]
    theirs = _describe(tensorflow_python(), *modules)
    assert len(ours) > 80
    assert _differences(ours, theirs) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inference.ModelInferRequest.id", [4, 9, 1, "", ""]),
        ("inference.ModelInferRequest.id", [3, 12, 1, "", ""]),
        ("inference.Other.field", [1, 9, 1, "", ""]),
    ],
)
def test_a_difference_is_found(name: str, value: list[object]) -> None:
    theirs: Described = {"inference.ModelInferRequest.id": [3, 9, 1, "", ""]}
    assert _differences({name: value}, theirs)
    assert not _differences(theirs, theirs)
