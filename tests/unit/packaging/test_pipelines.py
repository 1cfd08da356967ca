"""Pipelines of scikit-learn answer through a package as they answer themselves, on edge rows too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from sklearn import ensemble, linear_model, preprocessing
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import import_fitted
from mlwright.packaging.package import publish_package
from mlwright.packaging.parity import ParityReport
from mlwright.packaging.predictor import PackagePredictor

SEED = {"random_state": 0}
NUMBERS, TEXTS, CODES = [0, 1, 2], [3, 4], [5]
FINALS: dict[str, Any] = {
    "logistic": linear_model.LogisticRegression(max_iter=200),
    "descent": linear_model.SGDClassifier(loss="log_loss", **SEED),
    "forest": ensemble.RandomForestClassifier(12, min_samples_leaf=3, **SEED),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=12, **SEED),
    "histograms": ensemble.HistGradientBoostingClassifier(max_iter=12, **SEED),
    "lightgbm": lgb.LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1, **SEED),
    "ridge": linear_model.Ridge(),
    "poisson": linear_model.PoissonRegressor(),
    "forest of numbers": ensemble.RandomForestRegressor(12, min_samples_leaf=3, **SEED),
    "lightgbm of numbers": lgb.LGBMRegressor(n_estimators=12, verbose=-1, n_jobs=1, **SEED),
}
CASES = [
    (name, classes)
    for name, final in FINALS.items()
    for classes in ((2, 3) if is_classifier(final) else (0,))
]


def table(rows: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Make three numbers of very different sizes, two texts and a code, with holes in most of them."""
    rng = np.random.default_rng(3)
    matrix = np.empty((rows, 6), dtype=object)
    numbers = rng.normal(size=(rows, 3)) * [1, 1e-3, 1e6] + [0, 5, 1.7e9]
    for place in NUMBERS:
        matrix[:, place] = np.where(rng.random(rows) < 0.1, np.nan, numbers[:, place])
    matrix[:, 3] = rng.choice(np.array(["red", "green", "blue", np.nan], dtype=object), rows)
    matrix[:, 4] = rng.choice([f"shop {place}" for place in range(40)], rows)
    matrix[:, 5] = rng.choice([2001, 2007, 2020], rows)
    target = numbers[:, 0] + (matrix[:, 3] == "red") + (matrix[:, 5] == 2007) + rng.normal(size=rows) / 3
    return matrix, target


def encoded(*, is_scaled: bool) -> ColumnTransformer:
    filled = SimpleImputer(strategy="median", add_indicator=True)
    numbers = make_pipeline(filled, preprocessing.StandardScaler()) if is_scaled else filled
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [
            ("numbers", numbers, NUMBERS),
            ("colour", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot), [3]),
            ("shop", preprocessing.TargetEncoder(cv=2), [4]),
            ("code", one_hot, CODES),
        ]
    )


def labels(final: Any, target: np.ndarray, classes: int) -> np.ndarray:
    if not is_classifier(final):
        return np.exp(target / 3)
    return np.array(["low", "middle", "high"])[np.digitize(target, [0.5, 1.5][: classes - 1])]


def check(folder: Path, fitted: Any) -> tuple[ParityReport, PackagePredictor]:
    imported = import_fitted(fitted, "m")
    digest = publish_package(folder, imported.content)
    report = imported.check(folder / digest)
    assert report.rows >= 10_000
    assert report.edge_rows >= 4_000
    return report, PackagePredictor(folder / digest)


@pytest.mark.promise("import.pipelines")
@pytest.mark.parametrize(("name", "classes"), CASES)
def test_a_pipeline_of_scalers_imputers_and_encoders_answers_as_itself(
    tmp_path: Path, name: str, classes: int
) -> None:
    matrix, target = table()
    final = FINALS[name]
    fitted = make_pipeline(encoded(is_scaled=True), final).fit(matrix, labels(final, target, classes))
    report, predictor = check(tmp_path, fitted)
    assert report.largest_difference < 1e-11
    assert [column.type for column in predictor.columns] == [*["number"] * 3, "string", "string", "integer"]
    assert predictor.classes == (sorted(set(fitted.classes_)) if classes else [])


SCALERS = [
    preprocessing.StandardScaler(),
    preprocessing.MinMaxScaler(feature_range=(-1, 3)),
    preprocessing.MaxAbsScaler(),
    preprocessing.RobustScaler(),
    make_pipeline(preprocessing.RobustScaler(), preprocessing.StandardScaler(with_mean=False)),
]


@pytest.mark.promise("import.pipelines")
@pytest.mark.parametrize("scaler", SCALERS, ids=lambda scaler: type(scaler).__name__)
def test_a_scaler_before_trees_moves_no_row_over_a_split(tmp_path: Path, scaler: Any) -> None:
    """The rows of the check hold every threshold over the raw column and the doubles beside it."""
    matrix, target = table()
    numbers = matrix[:, NUMBERS].astype(float)
    final = ensemble.HistGradientBoostingClassifier(max_iter=10, **SEED)
    fitted = make_pipeline(scaler, final).fit(numbers, target > 0.5)
    report, predictor = check(tmp_path, fitted)
    assert report.largest_difference < 1e-15
    assert all(column.nullable for column in predictor.columns)
    forest = make_pipeline(SimpleImputer(), scaler, ensemble.ExtraTreesRegressor(8, **SEED))
    assert check(tmp_path, forest.fit(numbers, target))[0].largest_difference < 1e-12


@pytest.mark.promise("import.pipelines")
def test_frames_bare_linear_models_selectors_and_unions_are_understood(tmp_path: Path) -> None:
    matrix, target = table()
    frame = pl.DataFrame(
        {
            "price": matrix[:, 0].astype(float),
            "size": matrix[:, 1].astype(float),
            "shop": matrix[:, 4].tolist(),
            "open": (matrix[:, 5] == 2007).tolist(),
            "unused": ["x"] * len(matrix),
        }
    )
    scaled = make_pipeline(SimpleImputer(), preprocessing.RobustScaler())
    ordinal = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer(
        [
            ("numbers", FeatureUnion([("filled", SimpleImputer()), ("scaled", scaled)]), ["price", "size"]),
            ("shop", ordinal, ["shop"]),
            ("open", preprocessing.OneHotEncoder(drop="if_binary"), ["open"]),
        ]
    )
    fitted = make_pipeline(columns, SelectKBest(k=5), linear_model.LogisticRegression(max_iter=500))
    _, predictor = check(tmp_path, fitted.fit(frame, target > 0.5))
    known = [(column.name, column.type, column.nullable) for column in predictor.columns]
    assert ("price", "number", True) in known
    assert ("open", "boolean", False) in known
    assert "unused" not in {name for name, _, _ in known}
    bare = linear_model.Ridge(solver="lsqr").fit(np.nan_to_num(matrix[:, NUMBERS].astype(float)), target)
    assert not any(column.nullable for column in check(tmp_path, bare)[1].columns)


@pytest.mark.promise("import.pipelines")
def test_an_encoder_that_refuses_unknown_texts_closes_the_contract(tmp_path: Path) -> None:
    matrix, target = table()
    columns = ColumnTransformer([("shop", preprocessing.OneHotEncoder(), [4])])
    fitted = make_pipeline(columns, linear_model.Ridge()).fit(matrix, target)
    contract = import_fitted(fitted, "m").content.documents["contract.json"]["columns"]
    levels = sorted(set(matrix[:, 4]))
    assert contract == [{"name": "f4", "type": "string", "nullable": False, "levels": levels, "closed": True}]
    check(tmp_path, fitted)


ONE = np.array([[0.0], [1.0], [2.0], [3.0]])


def on_one(*steps: Any) -> Pipeline:
    return make_pipeline(*steps, linear_model.LogisticRegression()).fit(ONE, [0, 1, 0, 1])


@pytest.mark.promise("import.pipelines", "import.refused")
@pytest.mark.parametrize(
    ("fitted", "message"),
    [
        (on_one(PCA()), "PCA"),
        (on_one(preprocessing.KBinsDiscretizer(2, quantile_method="averaged_inverted_cdf")), "KBins"),
        (on_one(preprocessing.SplineTransformer()), "SplineTransformer"),
        (on_one(preprocessing.PolynomialFeatures()), "PolynomialFeatures"),
        (on_one(preprocessing.FunctionTransformer(np.log1p)), "'log1p', which is code"),
        (on_one(preprocessing.MinMaxScaler(clip=True)), "clips"),
        (on_one(SimpleImputer(missing_values=0)), "0 for missing"),
        (on_one(preprocessing.OneHotEncoder()), "refuses numbers that it does not know"),
        (on_one(preprocessing.StandardScaler(), preprocessing.OrdinalEncoder()), "computed number"),
        (linear_model.RidgeClassifier().fit(ONE, [0, 1, 0, 1]), "no probabilities"),
        (
            make_pipeline(
                preprocessing.StandardScaler(),
                lgb.LGBMRegressor(linear_tree=True, verbose=-1, min_child_samples=1),
            ).fit(ONE, [0, 1, 0, 1]),
            "linear trees",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_exact_conversion_is_refused_by_its_name(fitted: Any, message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message) as refusal:
        import_fitted(fitted, "m")
    assert refusal.value.hint
