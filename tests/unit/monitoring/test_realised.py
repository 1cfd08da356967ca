from __future__ import annotations

import random

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from mlwright.monitoring import Reference, realised_metrics
from tests.unit.monitoring.labelled_stream import BINARY


def _frame(rows: list[tuple[float, float, str | None]], version: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "version": [version] * len(rows),
            "prediction": [prediction for prediction, _, _ in rows],
            "scores": [[score] for _, score, _ in rows],
            "label": [label for _, _, label in rows],
        },
        schema_overrides={"label": pl.String},
    )


@pytest.mark.promise("monitor.coverage")
def test_metrics_stand_on_labelled_rows_only() -> None:
    rng = random.Random(1)
    scores = [round(rng.random(), 2) for _ in range(500)]
    rows = [
        (float(s >= 0.5), s, None if i % 5 == 0 else str(int(rng.random() < s))) for i, s in enumerate(scores)
    ]
    labelled = [(s, int(label)) for _, s, label in rows if label is not None]
    found = realised_metrics(_frame(rows), BINARY, 1)
    assert found["auc"] == pytest.approx(roc_auc_score([y for _, y in labelled], [s for s, _ in labelled]))
    right = sum((s >= 0.5) == bool(y) for s, y in labelled) / len(labelled)
    assert found["accuracy"] == pytest.approx(right)


def test_too_few_labels_of_one_kind_give_no_ranking() -> None:
    rows = [(0.0, 0.1, "0")] * 100 + [(1.0, 0.9, "1")] * 9
    assert set(realised_metrics(_frame(rows), BINARY, 1)) == {"accuracy"}


def test_other_versions_do_not_count() -> None:
    assert realised_metrics(_frame([(0.0, 0.1, "0")], version=2), BINARY, 1) == {}


def test_regression_gives_errors_in_the_units_of_the_label() -> None:
    reference = Reference("regression", (), None, {}, ())
    found = realised_metrics(_frame([(10.0, 0.0, "13"), (10.0, 0.0, "6")]), reference, 1)
    assert found["mae"] == pytest.approx(3.5)
    assert found["rmse"] == pytest.approx((12.5) ** 0.5)
