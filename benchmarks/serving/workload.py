"""200 trees × 31 leaves on 30 numbers, and different requests with their answers, one row or 32 rows each."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FEATURES, TREES, LEAVES, ROWS, BODIES = 30, 200, 31, 60_000, 256
BATCH, BATCH_BODIES = 32, 64
LONGER_NUMBERS = 12  # of 30; brings the mean body to the 255 bytes of the model it stands for
LARGE_TREES, LARGE_LEAVES, LARGE_COPIES = 400, 255, 10
FIXED = {"verbose": -1, "num_threads": 1}
INPUT, OUTPUT = "input", "probabilities"

Row = list[float]


@dataclass(frozen=True)
class Requests:
    """Rows of each request, and LightGBM's own answers: the probability of class 1 of each row."""

    rows: list[list[Row]]
    expected: npt.NDArray[np.float64]

    def tensorflow_bodies(self) -> list[str]:
        """Give the bodies of the TensorFlow-Serving route."""
        return [_text({"instances": rows}) for rows in self.rows]

    def native_bodies(self) -> list[str]:
        """Give the bodies of the native route."""
        return [_text({"rows": rows}) for rows in self.rows]

    def tensor_bodies(self) -> list[str]:
        """Give the bodies of the Open Inference route, which Triton understands too."""
        return [
            _text(
                {
                    "inputs": [
                        {"name": INPUT, "shape": [len(rows), FEATURES], "datatype": "FP64", "data": flat}
                    ]
                }
            )
            for rows in self.rows
            for flat in [[number for row in rows for number in row]]
        ]


@dataclass(frozen=True)
class Workload:
    """A model as LightGBM text, the booster itself, and the requests."""

    model_file: Path
    booster: Any
    one_row: Requests
    batch: Requests

    def draw(self, *, requests: int, rows: int, seed: int) -> Requests:
        """Draw more requests of so many rows."""
        return _draw(np.random.default_rng(seed), self.booster, requests=requests, rows=rows)


def make_large(folder: Path, *, seed: int, requests: int) -> tuple[Path, Requests]:
    """Write a random forest of 4,000 trees × 255 leaves, and give one-row requests with its answers.

    It is a trained forest of 400 trees, each of them ten times: the mean over trees is the same, and a row
    costs ten times as much.
    """
    import lightgbm

    rng = np.random.default_rng(seed)
    table = rng.standard_normal((ROWS // 3, FEATURES))
    label = (table @ rng.standard_normal(FEATURES) + 2 * table[:, 0] * table[:, 1] > 0).astype(int)
    settings = {"boosting": "rf", "bagging_fraction": 0.1, "bagging_freq": 1, "feature_fraction": 0.6}
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": LARGE_LEAVES, "min_data_in_leaf": 3, **FIXED, **settings},
        lightgbm.Dataset(table, label),
        num_boost_round=LARGE_TREES,
    )
    model_file = folder / "large.txt"
    model_file.write_text(_repeat_trees(booster.model_to_string(), LARGE_COPIES))
    return model_file, _draw(rng, booster, requests=requests, rows=1)


def _repeat_trees(text: str, times: int) -> str:
    """Put each tree of an averaging model into its text several times."""
    head, _, rest = text.partition("Tree=0\n")
    trees, _, tail = rest.partition("end of trees")
    bodies = re.split(r"Tree=\d+\n", trees)
    kept = "\n".join(line for line in head.splitlines() if not line.startswith("tree_sizes="))
    repeated = "".join(f"Tree={number}\n{body}" for number, body in enumerate(bodies * times))
    return f"{kept}\n\n{repeated}end of trees{tail}"


def packed(rows: Sequence[Row]) -> bytes:
    """Give rows as little-endian doubles, as binary tensors travel."""
    return struct.pack(f"<{len(rows) * FEATURES}d", *(number for row in rows for number in row))


def make_workload(folder: Path, *, seed: int) -> Workload:
    """Train the model on synthetic rows and write it as LightGBM text."""
    import lightgbm

    rng = np.random.default_rng(seed)
    table = rng.standard_normal((ROWS, FEATURES))
    pull = rng.standard_normal(FEATURES)
    signal = table @ pull + 2 * table[:, 0] * table[:, 1] + np.sin(3 * table[:, 2]) * pull[3]
    label = (signal + rng.standard_normal(ROWS) > 0).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.1, "seed": seed, **FIXED},
        lightgbm.Dataset(table, label),
        num_boost_round=TREES,
    )
    model_file = folder / "model.txt"
    booster.save_model(str(model_file))
    one_row = _draw(rng, booster, requests=BODIES, rows=1)
    return Workload(model_file, booster, one_row, _draw(rng, booster, requests=BATCH_BODIES, rows=BATCH))


def draw_rows(rng: np.random.Generator, count: int) -> list[Row]:
    """Draw rows whose numbers are as long in JSON as those of the model that this one stands for."""
    drawn = rng.standard_normal((count, FEATURES))
    digits = [5 if at < LONGER_NUMBERS else 4 for at in range(FEATURES)]
    return [[round(float(x), d) for x, d in zip(row, digits, strict=True)] for row in drawn]


def _draw(rng: np.random.Generator, booster: Any, *, requests: int, rows: int) -> Requests:
    flat = draw_rows(rng, requests * rows)
    expected = np.asarray(booster.predict(np.array(flat)), dtype=np.float64).reshape(requests, rows)
    return Requests([flat[at : at + rows] for at in range(0, len(flat), rows)], expected)


def _text(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))
