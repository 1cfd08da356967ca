"""Contributions of raw columns add up to the margins of what was trained."""

from __future__ import annotations

import json

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import TrainingRows, apply_transform, fit_linear_transform, fit_tree_transform
from mlwright.lifecycle.contributions import explain_rows, row_seconds, unexplained
from mlwright.lifecycle.lowering import library_answers
from mlwright.project import Task

INPUTS = [
    Column("size", "number"),
    Column("shop", "string"),
    Column("when", "timestamp"),
    Column("idle", "number"),
]


def shops(rows: int = 400) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(6)
    size, shop = rng.normal(size=rows), rng.choice(["a", "b", "c"], rows)
    when = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2025, 6, 1), "1h", eager=True)[:rows]
    frame = pl.DataFrame({"size": size, "shop": shop, "when": when, "idle": np.zeros(rows)})
    return frame, size + (shop == "a") + 0.1 * rng.normal(size=rows)


def members(
    frame: pl.DataFrame, target: np.ndarray, task: Task, *, slope: float = 1.0, shift: float = 0.0
) -> bytes:
    made = []
    for seed, weight in ((1, 0.7), (2, 0.3)):
        transform = fit_tree_transform(TrainingRows(frame, target, task, seed), INPUTS).document
        settings: dict[str, object] = {
            "objective": task,
            "verbosity": -1,
            "num_threads": 1,
            "seed": seed,
            "feature_fraction": 0.8,
        }
        if task == "multiclass":
            settings["num_class"] = 3
        matrix = apply_transform(transform, frame, INPUTS)
        booster = lgb.train(settings, lgb.Dataset(matrix, target), 8)
        made.append(
            {
                "form": "lightgbm-text",
                "text": booster.model_to_string(),
                "weight": weight,
                "shift": 0.3 if task == "regression" else 0.0,
                "transform": transform,
            }
        )
    line = {"slope": slope, "shift": shift, "corners": [[], []]}
    return json.dumps({**line, "members": made}).encode()


@pytest.mark.promise("report.contributions")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_contributions_of_a_blend_add_up_to_its_answers(task: Task) -> None:
    frame, value = shops()
    target = {
        "binary": (value > 0.3).astype(float),
        "multiclass": np.digitize(value, [0.0, 1.0]).astype(float),
    }.get(task, value)
    document = members(
        frame, target, task, slope=1.3 if task == "binary" else 1.0, shift=0.2 if task == "binary" else 0.0
    )
    found = explain_rows(document, frame, INPUTS, task)
    assert found.values.shape == (400, 4, 3 if task == "multiclass" else 1)
    margins, answers = found.margins, library_answers(document, frame, INPUTS, task)
    if task == "binary":
        margins = np.log(answers / (1 - answers))[:, None] - margins
    elif task == "multiclass":
        softmax = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
        margins = softmax - answers
    else:
        margins = margins - answers[:, None]
    assert np.abs(margins).max() < 1e-9
    assert not found.values[:, 3].any()
    assert np.abs(found.values[:, :2]).mean() > 0


@pytest.mark.promise("report.contributions")
def test_contributions_of_a_linear_model_are_its_weights_times_the_distance_from_the_mean() -> None:
    frame, value = shops()
    transform = fit_linear_transform(TrainingRows(frame, value, "regression", 1), INPUTS).document
    width = len(transform["outputs"])
    weights = np.arange(width) + 1.0
    text = json.dumps({"coefficients": [weights.tolist()], "intercept": [0.5]})
    document = json.dumps(
        {
            "slope": 1.0,
            "shift": 0.0,
            "members": [
                {"form": "linear-json", "text": text, "weight": 1.0, "shift": 0.0, "transform": transform}
            ],
        }
    ).encode()
    found = explain_rows(document, frame, INPUTS, "regression")
    matrix = apply_transform(transform, frame, INPUTS)
    assert np.allclose(found.margins[:, 0], matrix @ weights + 0.5)
    assert np.allclose(found.values[:, :, 0].mean(axis=0), 0.0)


def test_a_member_that_nobody_explains_is_named_and_costs_are_guessed_by_leaves() -> None:
    frame, value = shops()
    document = members(frame, value, "regression")
    assert unexplained(document) == ""
    assert 0 < row_seconds(document) < 1e-3
    strange = json.dumps({"members": [{"form": "dense-json", "text": ""}]}).encode()
    assert unexplained(strange) == "dense-json"
    assert unexplained(json.dumps({"form": "own"}).encode()) == "own"
