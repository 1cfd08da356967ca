from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from mlwright.cli.app import run
from mlwright.deployment import publish, target_of
from mlwright.project import Project
from mlwright.serving import ServerProcess
from tests.serving.conftest import CONFIG, Stage, make_project, server_config, start, wait_for

QUICK = ("--seconds", "0.5", "--warm-up", "0.1", "--connections", "8")


def bench(project: Project, *arguments: str) -> int:
    return run(["bench", "serve", "--project", str(project.root), *QUICK, *arguments])


@pytest.mark.promise("bench.project", "cli.json")
def test_the_running_server_of_a_project_is_measured_without_being_named(
    shared: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(shared.project, "--rate", "400", "--json", "--expect", '"predictions"') == 0
    found = json.loads(capsys.readouterr().out)
    (step,) = found["steps"]
    assert step["counts"]["offered"] == step["counts"]["ok"] == 200
    assert step["statuses"] == [[200, 200]]
    assert step["latency"]["count"] == 200
    assert 0 < step["service"]["p50_us"] <= step["latency"]["p99_us"]
    assert step["server_cpu_s"] is not None
    assert found["target"]["pid"] == shared.server.pid
    assert found["target"]["bodies"] == 256
    assert (found["holds"], found["knee"]) == (None, None)


@pytest.mark.promise("bench.project")
def test_requests_hold_rows_of_the_projects_data_that_the_contract_accepts(tmp_path: Path) -> None:
    config = CONFIG.replace("[monitors.quality]", '[data]\nsource = "rows.csv"\n\n[monitors.quality]')
    project = make_project(tmp_path / "with-data", config)
    pl.DataFrame(
        {
            "amount": [1.0, 2.0, 3e9],
            "kind": ["a", "b", "a"],
            "at": [None, None, None],
            "customer_id": ["c"] * 3,
        },
        schema_overrides={"at": pl.String},
    ).write_csv(project.root / "rows.csv")
    server = start(project)
    try:
        assert bench(project, "--rate", "200", "--rows", "3", "--report", str(tmp_path / "report")) == 0
    finally:
        server.stop()
    numbers = json.loads((tmp_path / "report" / "report.json").read_text())
    assert numbers["steps"][0]["counts"]["ok"] == 100
    assert numbers["target"]["bodies"] == 1
    token = (project.run_folder / "token").read_text().strip()
    assert all(token not in path.read_text() for path in (tmp_path / "report").iterdir())


@pytest.mark.promise("bench.grpc")
def test_the_grpc_listener_of_a_project_is_measured_with_rows_that_it_accepts(
    project: Project, shared: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(project, target_of(project), actor="test", reason="start")
    config = dataclasses.replace(server_config(project), grpc_port=0)
    server = ServerProcess.start(config, folder=project.run_folder)
    try:
        assert bench(project, "--grpc", "--rate", "400", "--streams", "4", "--rows", "2", "--json") == 0
    finally:
        server.stop()
    found = json.loads(capsys.readouterr().out)
    (step,) = found["steps"]
    assert step["counts"]["offered"] == step["counts"]["ok"] == 200
    assert step["statuses"] == [[0, 200]]
    assert found["target"]["url"].endswith("/inference.GRPCInferenceService/ModelInfer")
    assert bench(shared.project, "--grpc", "--json") == 1
    assert "does not speak gRPC" in capsys.readouterr().out


@pytest.mark.promise("bench.gate", "cli.exit-codes")
def test_an_objective_decides_the_exit_code(shared: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(shared.project, "--rate", "100", "--p99-ms", "60000") == 0
    assert bench(shared.project, "--rate", "100", "--p99-ms", "0.000001", "--json") == 3
    found = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert found["holds"] is False
    assert "p99 was" in found["steps"][0]["failure"]


def test_a_ramp_and_a_search_measure_several_rates_and_write_a_chart(shared: Stage, tmp_path: Path) -> None:
    assert bench(shared.project, "--ramp", "100:300:3", "--report", str(tmp_path / "ramp.md")) == 0
    chart = (tmp_path / "ramp-by-rate.svg").read_text()
    assert "offered rate" in chart
    numbers = json.loads((tmp_path / "ramp.json").read_text())
    assert [step["rate"] for step in numbers["steps"]] == [100, 200, 300]
    short = ("--seconds", "0.2", "--warm-up", "0", "--find-knee", "--rate", "4", "--p99-ms", "0.000001")
    assert bench(shared.project, *short, "--report", str(tmp_path / "knee.md")) == 3
    assert json.loads((tmp_path / "knee.json").read_text())["knee"]["rate"] is None


@pytest.mark.promise("bench.verifies")
def test_a_server_that_does_not_answer_as_it_should_is_not_measured(
    shared: Stage, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{shared.server.server.port}"
    token = (shared.project.run_folder / "token").read_text().strip()
    for arguments, code, word in (
        (("--url", url, "--path", "/v1/predict/production", "--body", "{}"), "bench.refused", "401"),
        (
            ("--url", url, "--path", "/nowhere", "--header", f"authorization: Bearer {token}"),
            "bench.refused",
            "404",
        ),
        (("--url", "http://127.0.0.1:1/"), "serving.failed", "does not answer"),
        (("--rate", "0"), "usage", ""),
        (("--ramp", "1:2"), "usage", "ramp"),
        (("--ramp", "1:9:3", "--find-knee"), "usage", "alone"),
    ):
        assert bench(shared.project, *arguments, "--json") in (1, 2)
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == code
        assert word in error["message"]
    assert bench(project, "--json") == 1
    assert "no server of this project runs" in capsys.readouterr().out


@pytest.mark.promise("bench.stops")
def test_ctrl_c_ends_a_load_at_once(shared: Stage, tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    code = "import sys; from mlwright.cli.app import run; sys.exit(run(sys.argv[1:]))"
    arguments = ["bench", "serve", "--project", str(shared.project.root), "--rate", "50", "--seconds", "600"]
    before = _served(shared)
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=file, stderr=file)
    wait_for(lambda: _served(shared) > before + 20 or process.poll() is not None, "load arrives")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 1
    assert "Traceback" not in output.read_text()


def _served(stage: Stage) -> int:
    with stage.admin() as admin:
        status = admin.ask("GET", "/admin/status").json()
    return sum(variant["predictions"] for entry in status["deployments"] for variant in entry["variants"])
