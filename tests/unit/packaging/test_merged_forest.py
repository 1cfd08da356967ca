"""Merged forests answer as the weighted sum of their parts, in one pass of the kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.packaging.forest import Answer, read_trees, thresholds_of
from mlwright.packaging.merged_forest import ForestPart, merge_forests
from mlwright.packaging.parity import edge_matrix
from mlwright.packaging.predictor import PackagePredictor
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.score import LINKS
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Calibration, Fitted
from tests.unit.packaging.exported import odd_rows, random_forest, tensor_package
from tests.unit.training.problems import Silence, problem


@pytest.mark.promise("train.blend")
def test_leaves_are_scaled_by_weight_and_slope_and_features_found_by_their_outputs() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2_000, 4))
    shop = rng.choice(["a", "b", "c", "d", "e"], 2_000)
    target = (np.sin(3 * x[:, 0]) * x[:, 1] + (shop == "b") + 0.3 * rng.normal(size=2_000) > 0).astype(float)
    frame = pl.DataFrame({**{f"x{k}": x[:, k] for k in range(4)}, "shop": shop})
    asked = problem(frame, target)
    parts = PortfolioTrainer.standard().fit(asked, BudgetClock(Budget(60.0, 2)), Silence())
    one = parts.members[0]
    narrow = {**one.transform, "outputs": [*one.transform["outputs"]]}
    line = Calibration(0.8, -0.3)
    members = (one, type(one)(one.candidate, 2.0, one.model, narrow))  # type: ignore[arg-type]  # a copy of it
    both = Fitted(members, LINKS["binary"], line, 0.5, (), (), (), parts.score)
    lowered = lower(both)
    arrays, features, answer = read_trees(lowered.model)
    single = read_trees(lower(parts).model)[0]
    assert features == len(one.transform["outputs"])
    assert len(arrays.root) == 2 * len(single.root)
    assert answer.base == pytest.approx((-0.3,))
    scores = library_answers(lowered.members, frame, list(asked.inputs), "binary")
    alone = library_answers(lower(parts).members, frame, list(asked.inputs), "binary")
    margins = np.log(alone / (1 - alone)) * (one.weight + 2.0) / one.weight
    assert np.abs(scores - 1 / (1 + np.exp(-(0.8 * margins - 0.3)))).max() < 1e-9


@pytest.mark.promise("train.float32")
@pytest.mark.parametrize("seed", range(4))
def test_rounding_thresholds_down_changes_no_answer_for_rows_of_float32_values(
    seed: int, tmp_path: Path
) -> None:
    exact = random_forest(seed, Answer("identity", (0.0,)), features=3)
    part = ForestPart(exact, 1.0, range(3))
    rounded = merge_forests([replace(part, is_rounded=True)], 3, slope=1.0, shift=0.0, link="identity")
    thresholds = {place: np.array(values) for place, values in thresholds_of(exact).items()}
    near = edge_matrix(odd_rows(4_000, 3), {place: [*each] for place, each in thresholds.items()}, seed)
    with np.errstate(over="ignore", under="ignore"):
        rows = np.vstack([near, odd_rows(4_000, 3)]).astype(np.float32).astype(np.float64)
    answers = [
        PackagePredictor(tensor_package(tmp_path / name, data, task="regression", features=3)).predict_matrix(
            rows
        )
        for name, data in (("exact", exact), ("rounded", rounded))
    ]
    assert np.array_equal(*answers)
    for values in thresholds_of(rounded).values():
        assert np.array_equal(np.array(values).astype(np.float32), np.array(values))
    assert any(not np.array_equal(values.astype(np.float32), values) for values in thresholds.values())


@pytest.mark.promise("train.float32")
def test_a_forest_of_other_rows_keeps_its_thresholds() -> None:
    exact = random_forest(1, Answer("identity", (0.0,)), features=3)
    merged = merge_forests([ForestPart(exact, 1.0, range(3))], 3, slope=1.0, shift=0.0, link="identity")
    assert thresholds_of(merged) == thresholds_of(exact)
