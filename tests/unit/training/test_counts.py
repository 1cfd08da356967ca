"""Labels that count: recognised, learned as a rate, packaged and exported exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from sklearn.metrics import mean_poisson_deviance

import mlwright
from mlwright.data.count_label import looks_like_count
from mlwright.errors import LabelUnusable
from mlwright.evaluation import metric_value


def visits(
    rows: int = 1_500, seed: int = 3
) -> tuple[pl.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(seed)
    x, shop = rng.normal(size=rows), rng.choice(list("abc"), rows)
    rate = np.exp(0.3 + 0.6 * x + np.where(shop == "a", 0.8, 0.0) - 0.8 * (x > 1))
    return pl.DataFrame({"x": x, "shop": shop, "visits": rng.poisson(rate)}), rate


@pytest.mark.promise("train.counts")
def test_a_rate_is_learned_served_and_exported(tmp_path: Path) -> None:
    table, rate = visits()
    made = mlwright.init("shop", table, "visits", folder=tmp_path)
    assert made.task == "regression"
    assert any("objective poisson" in sentence for sentence in made.assumed)
    result = mlwright.run(made.root, trials=2)
    constant, *_, best = [rung["value"] for rung in result.ladder]  # type: ignore[index]  # JSON
    assert best < 0.8 * constant
    assert set(result.metrics) == {"poisson_deviance", "rmse", "mae", "r2"}
    found = mlwright.predict("shop@1", table, project=made.root)["prediction"].to_numpy()
    assert found.min() > 0
    assert abs(found.sum() / table["visits"].sum() - 1) < 0.1
    assert np.corrcoef(np.log(found), np.log(rate))[0, 1] > 0.85
    assert (
        mlwright.export_model("shop@1", tmp_path / "shop.onnx", project=made.root).largest_difference < 1e-12
    )
    session = ort.InferenceSession(tmp_path / "shop.onnx")
    assert len(session.get_outputs()) == 1


@pytest.mark.promise("train.counts")
def test_a_count_below_zero_is_refused(tmp_path: Path) -> None:
    table, _ = visits(200)
    made = mlwright.init("shop", table, "visits", folder=tmp_path)
    table.with_columns(pl.col("visits") - 1).write_parquet(made.root / "data" / "train.parquet")
    with pytest.raises(LabelUnusable, match="below 0") as caught:
        mlwright.run(made.root, trials=1)
    assert "squared" in caught.value.hint


def test_deviance_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y, p, weights = rng.poisson(2.0, 300), rng.gamma(2.0, size=300), rng.random(300)
    expected = mean_poisson_deviance(y, p, sample_weight=weights)
    assert metric_value("poisson_deviance", y, p, weights=weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.promise("train.counts")
@pytest.mark.parametrize(
    ("name", "values", "is_count"),
    [
        ("visits", np.random.default_rng(2).poisson(3.0, 500), True),
        ("y", np.random.default_rng(2).poisson(3.0, 500), True),
        ("price", np.random.default_rng(2).poisson(3.0, 500), False),
        ("y", np.arange(500) % 30, False),  # as even as codes are
        ("y", 326 + np.random.default_rng(2).poisson(3.0, 500), False),
        ("y", np.random.default_rng(2).poisson(3.0, 500) - 1, False),
        ("y", np.random.default_rng(2).exponential(3.0, 500), False),
        ("y", np.random.default_rng(2).integers(0, 2, 500), False),
    ],
)
def test_counts_are_told_from_measures_and_codes(
    name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]], *, is_count: bool
) -> None:
    assert looks_like_count(pl.Series(name, values), may_be_class=False) is is_count


def test_few_values_are_classes_unless_their_name_counts() -> None:
    few = [0, 0, 0, 0, 1, 1, 2, 3, 5]
    assert looks_like_count(pl.Series("goals", few), may_be_class=True)
    assert not any(
        looks_like_count(pl.Series(name, few), may_be_class=True) for name in ("y", "num", "grade")
    )
