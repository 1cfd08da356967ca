from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import TrainingRows, apply_transform, fit_tree_transform, output_names
from mlwright.project import Task

ROWS = 3_000
RNG = np.random.default_rng(11)
MISSING = RNG.random(ROWS) < 0.2


def column(name: str, missing: np.ndarray) -> pl.Series:
    values = pl.Series(name, RNG.normal(size=ROWS))
    return pl.select(pl.when(pl.Series(~missing)).then(values).alias(name)).to_series()


FRAME = pl.DataFrame(
    {
        "tells": column("tells", MISSING),
        "same": column("same", MISSING),
        "noise": column("noise", RNG.random(ROWS) < 0.2),
        "rare": column("rare", np.arange(ROWS) < 5),
        "full": RNG.normal(size=ROWS),
    }
)
INPUTS = [Column(name, "number") for name in FRAME.columns]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nulls_are_marked_where_the_target_differs_with_them(task: Task) -> None:
    noise = RNG.random(ROWS)
    y = {
        "binary": (noise + 0.2 * MISSING > 0.8).astype(float),
        "multiclass": np.where(noise < 0.5, 0.0, np.where(MISSING & (noise < 0.7), 2.0, 1.0)),
        "regression": 100 * noise + 20 * MISSING,
    }[task]
    made = fit_tree_transform(TrainingRows(FRAME, y, task, seed=7), INPUTS).document
    assert [name for name in output_names(made) if name.endswith("|null")] == ["tells|null"]
    found = apply_transform(made, FRAME, INPUTS)[:, output_names(made).index("tells|null")]
    assert np.array_equal(found, MISSING.astype(float))


@pytest.mark.promise("features.marks")
def test_few_columns_of_noise_get_a_mark() -> None:
    frame = pl.DataFrame({f"c{k}": column(f"c{k}", RNG.random(ROWS) < 0.3) for k in range(400)})
    y = (RNG.random(ROWS) < 0.1).astype(float)
    inputs = [Column(name, "number") for name in frame.columns]
    made = fit_tree_transform(TrainingRows(frame, y, "binary", seed=7), inputs).document
    assert sum(name.endswith("|null") for name in output_names(made)) <= 2
