"""mlwright as a user has it: `init`, `run` and `predict` in an empty folder."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cell import Asked, Cell, FitFailed, System
from mlwright import __version__
from mlwright.data import conform_columns
from mlwright.features import native_columns
from mlwright.packaging.predictor import PackagePredictor
from reporting.environments import ROOT

NAME = "m"
GATE_SAID_NO = 3
ROWS = 2000


@dataclass(frozen=True)
class Spent:
    """What a command took, with all processes that it started."""

    said: Any
    cpu_seconds: float
    peak_rss_mb: float


def mlwright() -> System:
    """Give this checkout as a system; another source is another version."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted((ROOT / "src" / "mlwright").rglob("*")):
        if path.suffix in (".py", ".so"):
            digest.update(path.read_bytes())
    return System("mlwright", f"{__version__} {digest.hexdigest()}", _measure)


def _measure(asked: Asked, empty: Cell) -> tuple[Cell, np.ndarray]:
    table, folder = asked.split.table, asked.folder / "project"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    roles = ["--label", table.label]
    for flag, value in (("--time", table.time), ("--group", table.group), ("--positive", table.positive)):
        roles += [flag, value] if value and (flag, table.task) != ("--positive", "regression") else []
    made = _command(folder, "init", NAME, "--data", str(asked.split.train), *roles)
    project = folder / NAME
    ran = _command(project, "run", "--budget-cpu-s", f"{asked.budget:g}", "--seed", str(asked.seed))
    _command(
        project, "predict", "--model", f"{NAME}@latest", "--data", str(asked.split.test), "--out", "s.parquet"
    )
    scores = _scores(pl.read_parquet(project / "s.parquet"))
    package = project / ".mlwright" / "packages" / ran.said["digest"]
    p50, p99 = _one_row(package, pl.read_parquet(asked.split.test).head(ROWS))
    reported = ran.said["metrics"].get(table.metric)
    kept = ", ".join(dict.fromkeys(str(item["key"]) for item in ran.said["findings"]))
    found = replace(
        empty,
        validation=None if reported is None else float(reported["value"]),
        cpu_seconds=ran.cpu_seconds,
        peak_rss_mb=max(ran.peak_rss_mb, made.peak_rss_mb),
        package_kb=sum(each.stat().st_size for each in package.rglob("*") if each.is_file()) / 1024,
        row_p50_ms=p50,
        row_p99_ms=p99,
        note=f"gates: {ran.said['verdict']}" + (f"; findings: {kept}" if kept else ""),
    )
    return found, scores


def _command(folder: Path, *arguments: str) -> Spent:
    """Run one command with one thread. Raises `FitFailed` with its last lines."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    with out.open("w") as said, err.open("w") as talk:
        child = subprocess.Popen(
            [sys.executable, "-m", "mlwright", *arguments, "--json"],
            cwd=folder,
            stdout=said,
            stderr=talk,
            env=os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode not in (0, GATE_SAID_NO):
        raise FitFailed(f"{arguments[0]} ended with {child.returncode}: {err.read_text()[-600:].strip()}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(json.loads(out.read_text()), seconds, usage.ru_maxrss / 1024)


def _scores(frame: pl.DataFrame) -> np.ndarray:
    classes = sorted(name for name in frame.columns if name.startswith("score_"))
    if classes:
        return frame.select(classes).to_numpy()
    return frame["score" if "score" in frame.columns else "prediction"].to_numpy()


def _one_row(package: Path, test: pl.DataFrame) -> tuple[float, float]:
    """Give processor milliseconds of one row through transform and model, as the server calls them."""
    predictor = PackagePredictor(package)
    rows = conform_columns(test, predictor.columns)
    asked = [native_columns(rows[place : place + 1], predictor.columns) for place in range(rows.height)]
    taken = []
    for row in asked:
        before = time.thread_time_ns()
        predictor.predict_columns(row, 1)
        taken.append((time.thread_time_ns() - before) / 1e6)
    counted = sorted(taken[5:])
    return counted[len(counted) // 2], counted[int(0.99 * len(counted))]
