from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.environments import ROOT, environment
from tests.serving.client import Client
from tests.serving.conftest import Stage, wait_for
from tests.serving.exposition import Family, read_page
from tests.serving.packages import row

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
CONVENTION_BOUNDS = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
REQUESTS = "http_server_request_duration_seconds"
READ = "import sys; from prometheus_client.{} import text_string_to_metric_families as read; "
COUNT = "print(sum(len(family.samples) for family in read(sys.stdin.read())))"


def page_of(stage: Stage, accept: str = "text/plain") -> str:
    """Ask a few things, then for the page."""
    with stage.client() as client:
        client.predict(row(1))
        client.ask("GET", "/v2/models/nobody/ready")
        client.ask("GET", "/nowhere/1")
        client.ask("BREW", "/v1/predict/production")
        answer = client.ask("GET", "/metrics", accept=accept)
    expected = accept if accept == OPEN_METRICS else "text/plain; version=0.0.4"
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
    return answer.body.decode()


def requests_of(page: dict[str, Family]) -> list[dict[str, str]]:
    samples = page[REQUESTS].samples
    return [sample.labels for sample in samples if sample.name == f"{REQUESTS}_count"]


@pytest.mark.promise("serve.metrics")
def test_both_formats_say_the_same_and_end_as_they_have_to(shared: Stage) -> None:
    text = read_page(page_of(shared))
    opened = read_page(page_of(shared, OPEN_METRICS), is_open=True)
    assert {name.removesuffix("_total").removesuffix("_info") for name in text} == set(opened)
    for family in text.values():
        assert family.kind in {"counter", "gauge", "histogram"}
    deployed = {"deployment": "production", "variant": "champion", "model": "fraud", "version": "1"}
    assert [sample.labels for sample in text["mlwright_predictions_total"].samples] == [deployed]
    assert opened["mlwright_predictions"].kind == "counter"
    assert opened["target"].samples[0].labels["service_name"] == "mlwright"


@pytest.mark.promise("serve.conventions")
def test_names_follow_the_conventions_of_prometheus(shared: Stage) -> None:
    for name, family in read_page(page_of(shared)).items():
        assert (family.kind == "counter") == name.endswith("_total"), name
        assert re.fullmatch(r"(mlwright|http_server|rpc_server|process|target)_[a-z_]+", name)
        assert not re.search(r"_(ms|us|ns|millis\w*|micros\w*|kb|mb|percent)(_|$)", name), name
        if family.kind == "histogram":
            assert name.endswith("_seconds"), name


@pytest.mark.promise("serve.conventions")
def test_requests_are_counted_by_route_template_and_status(shared: Stage) -> None:
    page = read_page(page_of(shared))
    found = requests_of(page)
    assert {
        "http_request_method": "POST",
        "http_route": "/v1/predict/{name}",
        "http_response_status_code": "200",
        "url_scheme": "http",
    } in found
    assert {"GET", "_OTHER"} == {
        labels["http_request_method"] for labels in found if "http_route" not in labels
    }
    text = repr(found)
    assert "nowhere" not in text
    assert "nobody" not in text
    assert "BREW" not in text
    bounds = {float(sample.labels["le"]) for sample in page[REQUESTS].samples if "le" in sample.labels}
    assert bounds > CONVENTION_BOUNDS
    assert {bound for bound in bounds if 0.005 <= bound < 60} == CONVENTION_BOUNDS


@pytest.mark.promise("serve.conventions")
def test_the_process_is_described_as_by_other_clients(shared: Stage) -> None:
    page = read_page(page_of(shared))
    values = {name: family.samples[0].value for name, family in page.items() if name.startswith("process_")}
    assert 0 < values["process_cpu_seconds_total"] < 3600
    assert 1e6 < values["process_resident_memory_bytes"] < values["process_virtual_memory_bytes"]
    assert 3 < values["process_open_fds"] < values["process_max_fds"]
    assert values["process_start_time_seconds"] > 1.7e9


def tool_of_prometheus(name: str) -> Path:
    """Give a program of Debian's package, unpacked beside the environments of tests."""
    folder = ROOT / ".cache" / "prometheus"
    tool = folder / "usr" / "bin" / name
    if not tool.exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            pytest.skip("Prometheus comes from a package of Debian")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("prometheus_*.deb")
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=folder, check=True)
    return tool


@pytest.mark.slow
@pytest.mark.promise("serve.conventions")
def test_promtool_has_nothing_to_say(shared: Stage) -> None:
    command = [str(tool_of_prometheus("promtool")), "check", "metrics"]
    done = subprocess.run(command, input=page_of(shared), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    bad = "# HELP a_ms x\n# TYPE a_ms counter\na_ms 1\n"
    assert subprocess.run(command, input=bad, capture_output=True, text=True, check=False).returncode != 0


@pytest.mark.slow
@pytest.mark.promise("serve.metrics")
@pytest.mark.parametrize(
    ("parser", "accept"), [("parser", "text/plain"), ("openmetrics.parser", OPEN_METRICS)]
)
def test_the_parsers_of_prometheus_read_every_sample(shared: Stage, parser: str, accept: str) -> None:
    python = environment("prometheus-client", ["prometheus-client>=0.21"])
    page = page_of(shared, accept)
    script = READ.format(parser) + COUNT
    done = subprocess.run([python, "-c", script], input=page, capture_output=True, text=True, check=False)
    families = read_page(page, is_open=accept == OPEN_METRICS).values()
    assert (done.stderr, done.stdout.strip()) == ("", str(sum(len(family.samples) for family in families)))


@contextmanager
def prometheus(folder: Path, target: int, token: Path) -> Iterator[int]:
    """Let a Prometheus scrape a server as the guide says; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scrape = {
        "job_name": "mlwright",
        "scrape_interval": "1s",
        "authorization": {"credentials_file": str(token)},
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [scrape]}))
    options = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml"]
    with (folder / "log").open("w") as log:
        command = [str(tool_of_prometheus("prometheus")), *options, "--storage.tsdb.path=data"]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def query(port: int, text: str) -> list[dict[str, str]]:
    """Give the labels of what Prometheus finds; nothing while it starts."""
    try:
        with Client(port, None) as client:
            answer = client.ask("GET", f"/api/v1/query?query={quote(text)}")
    except OSError:
        return []
    return [found["metric"] for found in answer.json()["data"]["result"]] if answer.status == 200 else []


@pytest.mark.slow
@pytest.mark.promise("serve.conventions")
def test_a_real_prometheus_finds_what_dashboards_ask_for(shared: Stage, tmp_path: Path) -> None:
    page_of(shared)
    port = shared.server.server.port
    with prometheus(tmp_path, port, shared.project.run_folder / "token") as asked:
        served = f'{REQUESTS}_count{{http_route="/v1/predict/{{name}}"}}'
        wait_for(lambda: query(asked, served), (tmp_path / "log").read_text)
        (found,) = query(asked, served)
        assert found["http_response_status_code"] == "200"
        (info,) = query(asked, "target_info")
        assert (info["service_name"], info["job"]) == ("mlwright", "mlwright")
        assert query(asked, f'{REQUESTS}_bucket{{le="1.0"}}')
        quantile = f"histogram_quantile(0.99, sum by (le, http_route) ({REQUESTS}_bucket))"
        assert {"http_route": "/v1/predict/{name}"} in query(asked, quantile)
