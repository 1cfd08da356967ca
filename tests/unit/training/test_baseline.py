"""The trainer is deterministic, does not collapse on rare positives, and keeps to the inner rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.evaluation import metric_value
from mlwright.features import apply_transform
from mlwright.training.baseline import BaselineTrainer, library_scores
from mlwright.training.fit_request import FitRequest, Fitted


def request(rate: float, rows: int = 12_000, seed: int = 4) -> FitRequest:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=rows)
    shop = rng.choice([f"s{number}" for number in range(400)], rows)
    noise = np.where(np.char.endswith(shop, "7"), 1.5, 0.0)
    cut = np.quantile(signal + noise, 1 - rate)
    target = (signal + noise + rng.normal(size=rows) * 0.3 > cut).astype(float)
    split = int(rows * 0.8)
    return FitRequest(
        frame=pl.DataFrame({"signal": signal, "shop": shop}),
        target=target,
        inputs=[Column("signal", "number"), Column("shop", "string")],
        task="binary",
        classes=2,
        metric="average_precision",
        inner_train=np.arange(split),
        inner_valid=np.arange(split, rows),
        threshold="best_f1",
        budget_cpu_s=60.0,
        seed=7,
        move=lambda share, text: None,
    )


def score(fitted: Fitted, asked: FitRequest, frame: pl.DataFrame) -> np.ndarray:
    matrix = apply_transform(fitted.transform, frame, list(asked.inputs))  # type: ignore[arg-type]  # as fitted
    return library_scores(fitted.engine, fitted.model, "binary", matrix)


def test_half_a_percent_of_positives_is_enough_to_learn_from() -> None:
    asked, fresh = request(0.005), request(0.005, seed=5)
    fitted = BaselineTrainer().fit(asked)
    values = {rung.name: rung.value for rung in fitted.ladder}
    assert values["LightGBM"] > 0.3
    assert values["constant"] < 0.02
    found = metric_value("average_precision", fresh.target, score(fitted, fresh, fresh.frame))
    assert found > 0.3
    assert fitted.threshold is not None
    assert 0.0 < fitted.threshold < 1.0


def test_the_same_request_gives_the_same_model() -> None:
    asked = request(0.2, rows=3_000)
    first, second = (BaselineTrainer().fit(asked) for _ in range(2))
    assert first.model == second.model
    assert first.transform == second.transform
    assert first.threshold == second.threshold
