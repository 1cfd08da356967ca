"""Who takes part: mlwright, and systems of others in environments of their own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from cell import Asked, Cell, FitFailed, System
from ours import mlwright
from reporting.environments import environment

PEERS = Path(__file__).parent / "peers"
BOOSTERS = (
    "lightgbm==4.7.0",
    "xgboost==3.2.0",
    "catboost==1.2.10",
    "optuna==5.0.0",
    "scikit-learn==1.9.1",
    "pandas==3.1.1",
    "pyarrow==26.0.1",
)
AUTOGLUON = ("autogluon.tabular[all]==1.6.3",)
FLAML = ("FLAML[automl,catboost]==2.7.0", "pandas==2.3.3", "pyarrow==24.0.0")
PACKAGES = {
    "AutoGluon": ("training-autogluon", AUTOGLUON),
    "FLAML": ("training-flaml", FLAML),
    "Optuna-LightGBM": ("training-boosters", BOOSTERS),
    "LightGBM": ("training-boosters", BOOSTERS),
    "XGBoost": ("training-boosters", BOOSTERS),
    "CatBoost": ("training-boosters", BOOSTERS),
    "scikit-learn": ("training-boosters", BOOSTERS),
}
NAMES = ("mlwright", *PACKAGES)
BUDGETED = ("mlwright", "AutoGluon", "FLAML", "Optuna-LightGBM")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def find_system(name: str) -> System:
    """Give a system by its name."""
    if name == "mlwright":
        return mlwright()
    scripts = "".join(path.read_text() for path in sorted(PEERS.glob("*.py")))
    version = hashlib.sha256((scripts + repr(PACKAGES[name])).encode()).hexdigest()
    return System(name, version, partial(_measure, name), is_budgeted=name in BUDGETED)


def versions() -> dict[str, str]:
    """Give the pinned versions of the others."""
    pins = sorted({pin for _, packages in PACKAGES.values() for pin in packages})
    return dict(pin.split("==") for pin in pins if not pin.startswith(("pandas", "pyarrow")))


def _measure(name: str, asked: Asked, empty: Cell) -> tuple[Cell, np.ndarray]:
    table = asked.split.table
    task = asked.folder / "task.json"
    task.write_text(
        json.dumps(
            {
                "train": str(asked.split.train),
                "test": str(asked.split.test),
                "label": table.label,
                "task": table.task,
                "positive": table.positive,
                "time": table.time,
                "group": table.group,
                "budget": asked.budget,
                "seed": asked.seed,
                "folder": str(asked.folder),
            }
        )
    )
    output = asked.folder / "output.txt"
    with output.open("w") as file:
        done = subprocess.run(
            [environment(*PACKAGES[name]), PEERS / "fit.py", name, task],
            cwd=asked.folder,
            stdout=file,
            stderr=file,
            env=os.environ | dict.fromkeys(THREADS, "1") | {"CUDA_VISIBLE_DEVICES": ""},
            check=False,
        )
    if done.returncode != 0:
        raise FitFailed(f"ended with {done.returncode}: {output.read_text()[-600:].strip()}")
    measured = json.loads((asked.folder / "measured.json").read_text())
    measured.pop("rows_asked")
    return replace(empty, **measured), np.load(asked.folder / "scores.npy")
