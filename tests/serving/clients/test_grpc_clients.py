"""Clients that nobody here wrote call the server, each in a process and an environment of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwright.serving import Limits
from tests.environments import ENVIRONMENTS, environment
from tests.serving.clients.served import BOUND_SECONDS, TOKEN, Served, serve

pytestmark = pytest.mark.slow

TRITON = ("tritonclient-grpc", ["tritonclient[grpc]"])
KSERVE = ("kserve", ["kserve"])
PERF = ("perf-analyzer", ["tritonclient[all]==2.50.0", "nvidia-cuda-runtime-cu12"])
# The second has TensorFlow's messages without its 1.4 GB; 2.8 is the last to be content with them.
TENSORFLOW = ["tensorflow-serving-api==2.8.4", "tensorflow-protobuf==2.7.0"]


def tensorflow_python() -> Path:
    return environment("tensorflow-serving", ["grpcio", "protobuf==3.20.3"], no_deps=TENSORFLOW)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.mark.promise("serve.grpc-clients")
def test_tritonclient_calls_by_grpc(tmp_path: Path) -> None:
    with serve(tmp_path) as served:  # of its own: it looks at the statistics
        assert served.call(environment(*TRITON), "triton_grpc.py", served.grpc, TOKEN) == "ok\n"


@pytest.mark.promise("serve.sheds")
def test_a_stream_of_tritonclient_goes_on_under_overload(tmp_path: Path) -> None:
    with serve(tmp_path, Limits(queue_ms=1)) as served:
        assert served.call(environment(*TRITON), "triton_grpc_streams.py", served.grpc, TOKEN) == "ok\n"


@pytest.mark.promise("serve.grpc-clients")
def test_kserve_calls_by_grpc(served: Served) -> None:
    assert served.call(environment(*KSERVE), "kserve_grpc.py", served.grpc, TOKEN) == "ok\n"


@pytest.mark.promise("serve.grpc-clients")
def test_tensorflow_serving_stubs_call_by_grpc(served: Served) -> None:
    assert served.call(tensorflow_python(), "tensorflow_grpc.py", served.grpc, TOKEN) == "ok\n"


def _libb64() -> Path:
    """Find the folder of libb64, which perf_analyzer needs; it comes with Debian."""
    folder = ENVIRONMENTS / "libb64"
    found = sorted(folder.rglob("libb64.so.0d"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", "libb64-0d"], cwd=folder, check=True, capture_output=True)
            (package,) = folder.glob("*.deb")
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as problem:
            pytest.skip(f"perf_analyzer needs Debian's libb64-0d: {problem}")
        found = sorted(folder.rglob("libb64.so.0d"))
    return found[0].parent


KINDS = {
    "oip-http": ["-i", "http", "--service-kind", "triton"],
    "oip-grpc": ["-i", "grpc", "--service-kind", "triton"],
    "tfserving-grpc": [
        "-i",
        "grpc",
        "--service-kind",
        "tfserving",
        "--model-signature-name",
        "serving_default",
    ],
}


@pytest.mark.promise("serve.perf-analyzer")
@pytest.mark.parametrize("kind", KINDS)
def test_perf_analyzer_measures_the_server(served: Served, kind: str) -> None:
    python = environment(*PERF)
    home = python.parent.parent
    libraries = [_libb64(), *home.glob("lib/python*/site-packages/nvidia/*/lib")]
    address = served.http if kind == "oip-http" else served.grpc
    done = subprocess.run(
        [
            *(str(home / "bin" / "perf_analyzer"), "-m", "matrix", "-u", address, *KINDS[kind]),
            *("-H", f"authorization:Bearer {TOKEN}", "--shape", "input:2", "-b", "1"),
            *("--concurrency-range", "2", "-p", "500", "-s", "300", "-r", "3"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND_SECONDS,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(str(path) for path in libraries)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    throughput = next(line for line in done.stdout.splitlines() if "Throughput:" in line)
    assert float(throughput.split()[1]) > 0, done.stdout
