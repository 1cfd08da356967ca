"""From a table that nobody tuned for to a served, gated model."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import polars as pl
import pytest

from tests.journey.conftest import Shell, customers


def make(shell: Shell, *more: str, name: str = "churn") -> Shell:
    customers().write_csv(shell.folder / "customers.csv")
    shell.good("init", name, "--data", "customers.csv", "--label", "left", *more)
    return Shell(shell.folder / name)


@pytest.mark.promise("init.formats")
@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_init_reads_every_format(shell: Shell, suffix: str) -> None:
    frame = customers(400)
    path = shell.folder / f"table.{suffix}"
    {"csv": frame.write_csv, "parquet": frame.write_parquet, "arrow": frame.write_ipc}[suffix](path)
    result = shell.good("init", "churn", "--data", str(path), "--label", "left")
    types = {column["name"]: column["type"] for column in result["columns"]}
    assert result["task"] == "binary"
    assert (types["tenure"], types["plan"], types["paperless"], types["joined"]) == (
        "number",
        "string",
        "boolean",
        "timestamp",
    )


@pytest.mark.promise("init.empty")
def test_an_empty_project_takes_no_data(shell: Shell) -> None:
    shell.good("init", "mine", "--empty")
    assert (shell.folder / "mine" / "mlwright.toml").exists()
    done = Shell(shell.folder / "mine")("run", "--json")
    assert done.code == 1
    assert done.json()["error"]["hint"]


@pytest.mark.promise("run.steps", "run.champion", "run.baseline", "run.package", "run.parity", "run.cached")
@pytest.mark.promise("roles.shown", "report.page")
def test_a_table_becomes_a_champion_and_the_same_inputs_run_nothing(shell: Shell) -> None:
    project = make(shell)
    first = project.good("run")
    steps = [step["name"] for step in first["steps"]]
    assert [name for name in steps if name != "champion"] == [
        *(
            "load",
            "contract",
            "split",
            "train",
            "evaluate",
            "check",
            "gate",
            "full",
            "package",
            "parity",
            "register",
            "explain",
        ),
    ]
    assert (first["reference"], first["verdict"], first["moved"]) == ("churn@1", "pass", "champion")
    assert {rung["name"] for rung in first["ladder"]} >= {"constant", "linear", "LightGBM"}
    assert first["parity"]["label_flips"] == 0
    package = project.folder / ".mlwright" / "packages" / first["digest"]
    assert {path.name for path in package.iterdir()} >= {
        *("manifest.json", "transform.json", "contract.json", "reference.json", "evaluation.json", "card.md"),
    }
    again = project.good("run")
    assert again["is_cached"]
    assert [step["status"] for step in again["steps"]] == ["cached"] * len(steps)
    assert (again["reference"], again["moved"]) == ("churn@1", "")
    assert Path(again["report"]).read_text().startswith("<!doctype html>")
    said = project("run").out
    assert re.search(r"^id +Customer ID +assumed: every row has another value", said, re.MULTILINE)
    assert re.search(r"^label +left$", said, re.MULTILINE)
    assert re.search(r"^report: \.mlwright/reports/\w+/report.html$", said, re.MULTILINE)
    other = project.good("run", "--seed", "11")
    assert (other["reference"], other["moved"]) == ("churn@2", "candidate")


@pytest.mark.promise("run.exit-3", "cli.exit-codes", "model.references")
def test_a_gate_that_says_no_is_exit_code_3_and_the_version_is_kept(shell: Shell) -> None:
    project = make(shell)
    config = project.folder / "mlwright.toml"
    lines = config.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("at_least"))
    lines[at] = "at_least = 0.999"
    config.write_text("\n".join(lines))
    done = project("run", "--json")
    assert done.code == 3, done.err
    assert (done.json()["verdict"], done.json()["moved"]) == ("fail", "candidate")
    assert project.good("model", "show", "churn@candidate")["reference"] == "churn@1"
    refused = project("serve", "--json")
    assert refused.code == 1
    assert refused.json()["error"]["code"] == "deployment.nothing-to-serve"
    with project.running("serve", "churn@latest", "--no-auth") as client:
        assert client.ask("GET", "/v2/models/churn/ready").status == 200


@pytest.mark.promise("serve.native", "model.predict", "log.frame", "label.add", "monitor.coverage")
def test_the_service_answers_as_batch_prediction_does_and_learns_labels(shell: Shell) -> None:
    project = make(shell)
    project.good("run")
    frame = customers(200, seed=9)
    frame.write_parquet(project.folder / "new.parquet")
    project.good("predict", "--model", "churn@champion", "--data", "new.parquet", "--out", "out.csv")
    batch = pl.read_csv(project.folder / "out.csv")
    assert batch.columns == ["prediction", "score"]
    rows = frame.drop("left").with_columns(pl.col("joined").cast(pl.String)).to_dicts()
    with project.running("serve") as client:
        answers = client.predict(*rows)
        assert [answer["prediction"] for answer in answers] == batch["prediction"].to_list()
        assert [answer["score"] for answer in answers] == batch["score"].to_list()
        one = client.ask(
            "POST", "/v1/predict/churn", json.dumps({"rows": rows[:1], "unit": "u"}).encode()
        ).json()
        assert one["predictions"][0]["score"] == batch["score"][0]
        assert set(answers[0]) == {"id", "prediction", "score", "model", "version", "variant"}
        labels = project.folder / "labels.csv"
        with labels.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "label"])
            writer.writerows(zip([answer["id"] for answer in answers[:100]], frame["left"], strict=False))
        assert project.good("label", "add", "labels.csv")["added"] == 100
        seen = project.good("monitor")
    assert (seen["served"], seen["labelled"]) == (201, 100)
    assert 0.4 < seen["coverage"] < 0.6
    assert "auc" in seen["metrics"]


@pytest.mark.promise("init.folder", "cli.errors")
def test_wrong_wishes_are_named(shell: Shell) -> None:
    customers(100).write_csv(shell.folder / "customers.csv")
    done = shell("init", "churn", "--data", "customers.csv", "--label", "lefft", "--json")
    assert done.code == 1
    error = done.json()["error"]
    assert error["code"] == "data.column-missing"
    assert "left" in error["hint"]
    assert not (shell.folder / "churn").exists()
    (shell.folder / "churn").mkdir()
    (shell.folder / "churn" / "mine.txt").write_text("mine")
    done = shell("init", "churn", "--data", "customers.csv", "--label", "left", "--json")
    assert done.json()["error"]["code"] == "project.exists"
    assert (shell.folder / "churn" / "mine.txt").read_text() == "mine"


@pytest.mark.promise("model.predict")
def test_several_classes_and_numbers_are_learned_too(shell: Shell) -> None:
    frame = customers(2_000)
    frame.write_parquet(shell.folder / "t.parquet")
    shell.good("init", "plans", "--data", "t.parquet", "--label", "plan")
    shell.good("init", "stay", "--data", "t.parquet", "--label", "tenure")
    for name, score in (("plans", "score_basic"), ("stay", "prediction")):
        project = Shell(shell.folder / name)
        done = project("run", "--json")
        assert done.code in (0, 3), done.out + done.err
        project.good("predict", "--model", f"{name}@latest", "--data", "../t.parquet", "--out", "o.parquet")
        assert score in pl.read_parquet(project.folder / "o.parquet").columns


@pytest.mark.promise("run.resumes")
def test_a_killed_run_goes_on(shell: Shell, tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys

    from tests.journey.conftest import wait_for

    project = make(shell)
    child = subprocess.Popen(
        [sys.executable, "-m", "mlwright", "run"],
        cwd=project.folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert child.stderr is not None
    lines: list[str] = []
    wait_for(lambda: lines.append(child.stderr.readline()) or "split" in lines[-1], "split is done")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stderr.close()
    result = project.good("run")
    statuses = {step["name"]: step["status"] for step in result["steps"]}
    assert (statuses["load"], statuses["contract"], statuses["split"]) == ("cached", "cached", "cached")
    assert result["reference"] == "churn@1"
