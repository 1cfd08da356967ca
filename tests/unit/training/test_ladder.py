"""The ladder survives classes that some rows lack, and a model does not depend on the machine."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlwright.data import Column
from mlwright.features import apply_transform
from mlwright.training import boosting
from mlwright.training.baseline import BaselineTrainer, library_scores
from mlwright.training.trainer import FitRequest


def request(target: np.ndarray, classes: int, *, rows: int, noise: float = 0.1) -> FitRequest:
    rng = np.random.default_rng(9)
    split = int(rows * 0.8)
    return FitRequest(
        frame=pl.DataFrame({"x": target + rng.normal(size=rows) * noise, "z": rng.normal(size=rows)}),
        target=target.astype(float),
        inputs=[Column("x", "number"), Column("z", "number")],
        task="binary" if classes == 2 else "multiclass",
        classes=classes,
        metric="accuracy",
        inner_train=np.arange(split),
        inner_valid=np.arange(split, rows),
        threshold=0.5,
        budget_cpu_s=30.0,
        seed=7,
        move=lambda share, text: None,
    )


@pytest.mark.promise("run.baseline")
@pytest.mark.parametrize("present", [[0, 2], [0, 1, 3]])
def test_a_class_that_no_row_has_keeps_its_column_and_is_never_predicted(present: list[int]) -> None:
    target = np.random.default_rng(3).choice(present, 1_000)
    asked = request(target, 4, rows=1_000)
    fitted = BaselineTrainer().fit(asked)
    assert [rung.name for rung in fitted.ladder] == ["constant", "linear", "LightGBM"]
    assert all(np.isfinite(rung.value) for rung in fitted.ladder)
    matrix = apply_transform(fitted.transform, asked.frame, list(asked.inputs))  # type: ignore[arg-type]  # as fitted
    scores = library_scores(fitted.engine, fitted.model, asked.task, matrix)
    assert scores.shape == (1_000, 4)
    assert set(scores.argmax(axis=1)) == set(present)
    assert np.abs(scores.sum(axis=1) - 1).max() < 1e-9


def test_an_inner_part_of_one_class_leaves_the_linear_model_out() -> None:
    target = np.r_[np.zeros(800), np.tile([0.0, 1.0], 100)]
    fitted = BaselineTrainer().fit(request(target, 2, rows=1_000))
    values = {rung.name: rung.value for rung in fitted.ladder}
    assert np.isnan(values["linear"])
    assert fitted.engine == "trees"


def test_the_number_of_threads_does_not_change_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    target = (np.random.default_rng(5).random(3_000) < 0.4).astype(float)
    asked = replace(request(target, 2, rows=3_000, noise=1.0), metric="log_loss")
    texts = []
    for cells in (10**9, 1):
        monkeypatch.setattr(boosting, "CELLS_PER_THREAD", cells)
        settings = boosting.parameters(asked)
        assert settings["num_threads"] == (1 if cells > 1 else os.cpu_count())
        matrix = asked.frame.to_numpy()
        booster = boosting.refit_boosting(asked, (matrix, asked.target), 20, [])
        texts.append([line for line in booster.model_to_string().splitlines() if "num_threads" not in line])
    assert texts[0] == texts[1]
