"""Merged forests answer as the weighted sum of their parts, in one pass of the kernel."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.packaging.forest import read_trees
from mlwright.training.budget import Budget, BudgetClock
from mlwright.training.score import LINKS
from mlwright.training.search import PortfolioTrainer
from mlwright.training.trainer import Calibration, Fitted
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
