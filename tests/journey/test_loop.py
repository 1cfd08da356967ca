"""A candidate reaches champion on real traffic without a person, and one command takes it back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.journey.conftest import Shell, customers, wait_for
from tests.serving.client import Client

ROLLOUT = "rollout = { steps = [50], hold_minutes = 0.0, min_requests = 40, min_labels = 40 }"
FAST = "tick_seconds = 0.1"


def make(shell: Shell) -> Shell:
    customers().write_csv(shell.folder / "customers.csv")
    shell.good("init", "churn", "--data", "customers.csv", "--label", "left")
    project = Shell(shell.folder / "churn")
    path = project.folder / "mlwright.toml"
    lines = path.read_text().splitlines()
    lines = [ROLLOUT if line.startswith("rollout = ") else line for line in lines]
    at = lines.index("[serving]")
    path.write_text("\n".join([*lines[: at + 1], FAST, *lines[at + 1 :]]) + "\n")
    return project


def serve_and_label(client: Client, rows: list[dict[str, object]], labels: list[str]) -> None:
    for row, label in zip(rows, labels, strict=True):
        answer = client.predict(row, unit=str(row["Customer ID"]))[0]
        assert client.tell({"id": answer["id"], "label": label}).status == 200


def champion(project: Shell) -> Any:
    (live,) = project.good("status")["deployments"]
    return {variant["variant"]: variant["reference"] for variant in live["variants"]}.get("champion")


@pytest.mark.promise("loop.renews", "loop.status", "loop.rollback", "loop.second-up")
def test_a_candidate_is_tried_promoted_and_taken_back_through_the_command_line(shell: Shell) -> None:
    project = make(shell)
    project.good("run")
    project.good("run", "--seed", "11")
    frame = customers(600, seed=21)
    labels = frame["left"].to_list()
    rows = frame.drop("left").with_columns(pl.col("joined").cast(pl.String)).to_dicts()
    with project.running("up") as client:
        assert project("up", "--port", "0", "--json").json()["error"]["code"] == "serving.already-up"
        wait_for(lambda: project.good("status")["deployments"][0]["rollout"], "a rollout is under way")
        serve_and_label(client, rows, labels)
        wait_for(lambda: champion(project) == "churn@2", "the candidate is champion")
        history = project.good("rollout", "list")
        kinds = [event["kind"] for event in history[0]["events"]]
        assert (kinds[0], kinds[-1]) == ("started", "promoted")
        assert history[0]["events"][-1]["evidence"]
        back = project.good("rollback", "--reason", "prove it")
        assert (back["from_version"], back["to_version"], back["is_live"]) == ("churn@2", "churn@1", True)
        assert client.predict(rows[0])[0]["version"] == 1
        status = project.good("status")
        live = status["deployments"][0]["variants"][0]
        assert (live["reference"], live["share"], live["reason"]) == ("churn@1", 1.0, "prove it")
        assert status["audit_broken_at"] is None
    page = project("status").out
    assert "not running" in page.splitlines()[0]
    assert "100%  churn@1" in page
    assert "prove it" in page


def write_labels(path: Path, ids: list[str], labels: list[str]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label"])
        writer.writerows(zip(ids, labels, strict=True))


@pytest.mark.promise("monitor.quality", "monitor.drift")
def test_the_monitor_sees_a_changed_world_through_the_command_line(shell: Shell) -> None:
    project = make(shell)
    project.good("run")
    frame = customers(1_500, seed=5).with_columns(pl.col("tenure") + 60)
    flipped = ["no" if label == "yes" else "yes" for label in customers(1_500, seed=5)["left"]]
    rows = frame.drop("left").with_columns(pl.col("joined").cast(pl.String)).to_dicts()
    with project.running("serve") as client:
        ids = [str(answer["id"]) for answer in client.predict(*rows)]
    write_labels(project.folder / "labels.csv", ids, flipped)
    project.good("label", "add", "labels.csv")
    found = {item["monitor"]: item for item in project.good("monitor")["judgements"]}
    assert (found["quality"]["verdict"], found["quality"]["severity"]) == ("fail", "page")
    assert (found["drift"]["verdict"], found["drift"]["severity"]) == ("fail", "ticket")
    assert "tenure" in found["drift"]["summary"]
