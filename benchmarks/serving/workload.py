"""200 trees × 31 leaves on 30 numbers, and 256 different one-row requests with their answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FEATURES, TREES, LEAVES, ROWS, BODIES = 30, 200, 31, 60_000, 256
LONGER_NUMBERS = 12  # of 30; brings the mean body to the 255 bytes of the model it stands for


@dataclass(frozen=True)
class Workload:
    """A model file, request rows and the library's own answers: probability of class 1 for each row."""

    model_file: Path
    rows: list[list[float]]
    expected: npt.NDArray[np.float64]

    def tensorflow_bodies(self) -> list[str]:
        """Give the bodies of the TensorFlow-Serving route."""
        return [json.dumps({"instances": [row]}, separators=(",", ":")) for row in self.rows]

    def native_bodies(self) -> list[str]:
        """Give the bodies of the native route."""
        return [json.dumps({"rows": [row]}, separators=(",", ":")) for row in self.rows]


def make_workload(folder: Path, *, seed: int) -> Workload:
    """Train the model on synthetic rows and write it as LightGBM text."""
    import lightgbm

    rng = np.random.default_rng(seed)
    table = rng.standard_normal((ROWS, FEATURES))
    pull = rng.standard_normal(FEATURES)
    signal = table @ pull + 2 * table[:, 0] * table[:, 1] + np.sin(3 * table[:, 2]) * pull[3]
    label = (signal + rng.standard_normal(ROWS) > 0).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.1, "verbose": -1, "seed": seed},
        lightgbm.Dataset(table, label),
        num_boost_round=TREES,
    )
    model_file = folder / "model.txt"
    booster.save_model(str(model_file))
    drawn = rng.standard_normal((BODIES, FEATURES))
    digits = [5 if at < LONGER_NUMBERS else 4 for at in range(FEATURES)]
    rows = [[round(float(x), d) for x, d in zip(row, digits, strict=True)] for row in drawn]
    return Workload(model_file, rows, np.asarray(booster.predict(np.array(rows)), dtype=np.float64))
