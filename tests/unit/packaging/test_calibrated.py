"""Calibrated classifiers answer as themselves: folds, sigmoid and isotonic, whatever is inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from sklearn import ensemble, linear_model, preprocessing
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import import_fitted
from tests.unit.packaging.test_pipelines import NUMBERS, SEED, check, encoded, table

MEMBERS: dict[str, Any] = {
    "logistic": linear_model.LogisticRegression(max_iter=200),
    "forest": ensemble.RandomForestClassifier(8, min_samples_leaf=3, **SEED),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=8, **SEED),
    "histograms": ensemble.HistGradientBoostingClassifier(max_iter=8, **SEED),
    "lightgbm": lgb.LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1, **SEED),
}


@pytest.mark.promise("import.calibrated")
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("name", MEMBERS)
def test_a_calibration_around_whole_pipelines_is_exact(
    tmp_path: Path, name: str, method: str, classes: int
) -> None:
    """The texts and codes of each fold are its own; of LightGBM others get 30 % wrong."""
    matrix, target = table()
    inside = make_pipeline(encoded(is_scaled=True), MEMBERS[name])
    labels = np.array(["low", "middle", "high"])[np.digitize(target, [0.5, 1.5][: classes - 1])]
    fitted = CalibratedClassifierCV(inside, method=method, cv=3).fit(matrix, labels)
    report, predictor = check(tmp_path, fitted)
    assert report.largest_difference < 1e-9
    assert predictor.classes == sorted(set(labels))
    assert predictor.manifest["engine"]["kind"] == "onnx"  # type: ignore[index]


@pytest.mark.promise("import.calibrated")
def test_a_calibration_as_the_last_step_or_of_one_member(tmp_path: Path) -> None:
    matrix, target = table()
    numbers = np.nan_to_num(matrix[:, NUMBERS].astype(float))
    inside = CalibratedClassifierCV(MEMBERS["forest"], method="isotonic", cv=3, ensemble=False)
    fitted = make_pipeline(preprocessing.StandardScaler(), inside).fit(numbers, target > 0.5)
    assert check(tmp_path, fitted)[0].largest_difference < 1e-12


@pytest.mark.promise("import.calibrated", "import.refused")
def test_a_temperature_is_refused() -> None:
    rows = np.arange(60.0).reshape(-1, 1)
    fitted = CalibratedClassifierCV(MEMBERS["logistic"], method="temperature", cv=3)
    with pytest.raises(ModelUnsupported, match="by temperature"):
        import_fitted(fitted.fit(rows, np.arange(60) % 7 > 3), "m")
