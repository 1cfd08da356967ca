"""Training by a function of one's own: its model as a package would hold it, and its answers for the gate."""

from __future__ import annotations

import base64
import io
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.errors import ContractBroken
from mlwright.features import native_columns
from mlwright.packaging.package import (
    Engine,
    JsonObject,
    PackageContent,
    Signature,
    column_outputs,
    publish_package,
)
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Project, Task
from mlwright.training.budget import BudgetClock
from mlwright.training.learner import Floats
from mlwright.training.own_source import find_own_source
from mlwright.training.own_trainer import OwnFitted, OwnTrainer
from mlwright.training.problem import Problem
from mlwright.training.trainer import Watch

FORM = "own"


@dataclass(frozen=True)
class GateAnswers:
    """What the library of one's own model said of rows; the last ones are edge rows."""

    rows: pl.DataFrame
    scores: Floats
    edge_rows: int


def fit_own(project: Project, problem: Problem, clock: BudgetClock, watch: Watch) -> OwnFitted:
    """Train by the function that [training] names; what it says is in a log of the project.

    Raises what `OwnTrainer.fit` raises.
    """
    source = find_own_source(problem.settings.trainer, project.root)
    began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    log = project.state / "trainer" / f"{began}-{os.getpid()}.log"
    fitted = OwnTrainer(source, root=project.root, log=log).fit(problem, clock, watch)
    if not log.stat().st_size:
        log.unlink()
    return fitted


def own_members(fitted: OwnFitted, columns: list[Column], task: Task, classes: int) -> bytes:
    """Give what later steps need of own code, which is gone by then: its model as data, and its answers."""
    return json.dumps(
        {
            "form": FORM,
            "task": task,
            "classes": classes,
            "engine": fitted.said["engine"],
            "columns": [[column.name, column.type] for column in columns],
            "edge_rows": fitted.said["edge_rows"],
            "refuses_null": fitted.said["refuses_null"],
            "closed": fitted.said["closed"],
            "files": {name: base64.b64encode(data).decode() for name, data in fitted.files.items()},
        }
    ).encode()


def is_own(members: Mapping[str, Any]) -> bool:
    """Tell whether members are those of own code."""
    return members.get("form") == FORM


def gate_answers(members: bytes) -> GateAnswers | None:
    """Give the rows and answers that were kept for the parity gate; None for other members."""
    document = json.loads(members)
    if not is_own(document):
        return None
    files = _files(document)
    return GateAnswers(
        pl.read_ipc(io.BytesIO(files["gate.arrow"])),
        np.load(io.BytesIO(files["answers.npy"]), allow_pickle=False),
        int(document["edge_rows"]),
    )


def own_scores(members: bytes, frame: pl.DataFrame, columns: list[Column]) -> Floats:
    """Score rows with the converted model, which the gate holds to its library's answers.

    Raises `ContractBroken` for rows that the library would refuse.
    """
    _require_taken(json.loads(members), frame)
    predictor = _predictor(members)
    return predictor.predict_columns(native_columns(frame, columns), frame.height)


def _require_taken(document: Mapping[str, Any], frame: pl.DataFrame) -> None:
    for name in document["refuses_null"]:
        if count := frame[name].null_count():
            raise ContractBroken(
                f"{count} of {frame.height} rows have no {name!r}, which the model refuses",
                hint="fill them inside the model: a SimpleImputer before it, or `problem.scaled`",
                column=name,
            )
    for name, levels in document["closed"].items():
        texts = frame[name].cast(pl.String)
        unknown = texts.filter(~texts.is_in(levels) & texts.is_not_null())
        if len(unknown):
            raise ContractBroken(
                f"{len(unknown)} of {frame.height} rows have a {name!r} that the encoder of the model "
                f"refuses, such as {unknown[0]!r}",
                hint='give the encoder handle_unknown="ignore"',
                column=name,
            )


@lru_cache(maxsize=2)
def _predictor(members: bytes) -> PackagePredictor:
    """Open the model as the server would; the package is complete once it is in memory."""
    document = json.loads(members)
    files = _files(document)
    classes = tuple(range(document["classes"]))
    task, transform = document["task"], json.loads(files["transform.json"])
    inputs: tuple[JsonObject, ...] = tuple(
        {"name": name, "type": kind, "nullable": True} for name, kind in document["columns"]
    )
    engine: Engine = document["engine"]
    content = PackageContent(
        name="own",
        task=task,
        engine=engine,
        model=files["model"],
        signature=Signature(
            kind="columns",
            inputs=inputs,
            outputs=column_outputs(task, classes),
            classes=classes,
            positive=1 if task == "binary" else None,
            threshold=0.5 if task == "binary" else None,
        ),
        documents={"transform.json": transform, "contract.json": {"format": 1, "columns": list(inputs)}},
    )
    with tempfile.TemporaryDirectory(prefix="mlwright-own-") as folder:
        return PackagePredictor(Path(folder) / publish_package(Path(folder), content))


def _files(document: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: base64.b64decode(text) for name, text in document["files"].items()}
