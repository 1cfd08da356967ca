"""scikit-learn's estimators answer through a package as they answer themselves, on edge rows too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlwright.errors import ModelUnsupported
from mlwright.features import native_columns
from mlwright.packaging.estimators import trees_from_estimator
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.importing import import_fitted
from mlwright.packaging.package import publish_package
from mlwright.packaging.predictor import PackagePredictor
from tests.contract.edges import ROWS, edge_rows

FLOAT32 = 3e38
SEED = {"random_state": 0}
CLASSIFIERS: dict[str, Any] = {
    "decision tree": tree.DecisionTreeClassifier(max_depth=8, **SEED),
    "extra tree": tree.ExtraTreeClassifier(max_depth=8, **SEED),
    "random forest": ensemble.RandomForestClassifier(12, min_samples_leaf=3, **SEED),
    "weighted forest": ensemble.RandomForestClassifier(12, max_depth=6, class_weight="balanced", **SEED),
    "grown forest": ensemble.RandomForestClassifier(10, **SEED),
    "extra trees": ensemble.ExtraTreesClassifier(12, max_depth=7, **SEED),
    "histograms": ensemble.HistGradientBoostingClassifier(max_iter=15, **SEED),
}
REGRESSORS: dict[str, Any] = {
    "decision tree": tree.DecisionTreeRegressor(max_depth=8, **SEED),
    "random forest": ensemble.RandomForestRegressor(12, min_samples_leaf=3, **SEED),
    "extra trees": ensemble.ExtraTreesRegressor(12, max_depth=7, **SEED),
    "histograms": ensemble.HistGradientBoostingRegressor(max_iter=15, **SEED),
    "absolute histograms": ensemble.HistGradientBoostingRegressor(loss="absolute_error", max_iter=15, **SEED),
    "poisson histograms": ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=15, **SEED),
    "gamma histograms": ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=15, **SEED),
}
COMPLETE_CLASSIFIERS: dict[str, Any] = {
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=15, **SEED),
    "boosting from zero": ensemble.GradientBoostingClassifier(n_estimators=15, init="zero", **SEED),
    "boosting from a constant": ensemble.GradientBoostingClassifier(
        n_estimators=15, init=DummyClassifier(strategy="most_frequent"), **SEED
    ),
    "stopped boosting": ensemble.GradientBoostingClassifier(
        n_estimators=200, learning_rate=0.9, n_iter_no_change=2, **SEED
    ),
}
COMPLETE_REGRESSORS: dict[str, Any] = {
    "boosting": ensemble.GradientBoostingRegressor(n_estimators=15, **SEED),
    "quantile boosting": ensemble.GradientBoostingRegressor(n_estimators=15, loss="quantile", **SEED),
    "boosting from zero": ensemble.GradientBoostingRegressor(n_estimators=15, init="zero", **SEED),
}
CASES = [
    *((f"{name}, {classes} classes", classes, True) for name in CLASSIFIERS for classes in (2, 3)),
    *((name, 0, True) for name in REGRESSORS),
    *((f"{name}, {classes} classes", classes, False) for name in COMPLETE_CLASSIFIERS for classes in (2, 3)),
    *((name, 0, False) for name in COMPLETE_REGRESSORS),
]


def table(*, has_missing: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    matrix = rng.normal(size=(1_200, 5)) * [1, 1e-3, 1e6, 1, 1]
    matrix[:, 3] = rng.integers(-3, 4, len(matrix))
    target = matrix[:, 0] + np.sin(matrix[:, 1] * 2e3) + (matrix[:, 3] > 0) * matrix[:, 2] / 1e6
    target += rng.normal(size=len(matrix)) / 4
    if has_missing:
        matrix[rng.random(matrix.shape) < 0.1] = np.nan
        target += np.isnan(matrix[:, 0])
    return matrix, target


def estimator(name: str, classes: int, *, has_missing: bool) -> Any:
    kind = name.partition(",")[0]
    if classes:
        return (CLASSIFIERS if has_missing else COMPLETE_CLASSIFIERS)[kind]
    return (REGRESSORS if has_missing else COMPLETE_REGRESSORS)[kind]


def package(folder: Path, fitted: Any) -> PackagePredictor:
    imported = import_fitted(fitted, "m")
    digest = publish_package(folder, imported.content)
    report = imported.check(folder / digest)
    assert report.rows >= ROWS
    assert report.largest_difference < 1e-12
    return PackagePredictor(folder / digest)


def own_scores(fitted: Any, rows: Any) -> np.ndarray:
    ask = fitted.predict_proba if hasattr(fitted, "classes_") else fitted.predict
    with np.errstate(over="ignore", invalid="ignore"):
        scores = np.asarray(ask(rows))
    return scores[:, 1] if scores.shape[1:] == (2,) else scores


@pytest.mark.promise("import.scikit-learn")
@pytest.mark.parametrize(("name", "classes", "has_missing"), CASES)
def test_a_package_answers_as_the_estimator(
    tmp_path: Path, name: str, classes: int, *, has_missing: bool
) -> None:
    matrix, target = table(has_missing=has_missing)
    labels = np.exp(target / 3) if not classes else np.digitize(target, [0.5, 1.5][: classes - 1])
    fitted = estimator(name, classes, has_missing=has_missing).fit(matrix, labels)
    predictor = package(tmp_path, fitted)
    rows = edge_rows(thresholds_of(trees_from_estimator(fitted).data), {}, 5)
    rows = rows.clip(-FLOAT32, FLOAT32) if has_missing else np.nan_to_num(rows)
    packaged, expected = predictor.predict_matrix(rows), own_scores(fitted, rows)
    assert np.allclose(packaged, expected, rtol=1e-12, atol=1e-15)
    if classes:
        is_clear = np.abs(packaged - predictor.threshold) > 1e-12 if classes == 2 else np.full(len(rows), 1)
        decided = np.array(predictor.classes)[predictor.decide(packaged)]
        with np.errstate(over="ignore", invalid="ignore"):
            agrees = decided == fitted.predict(rows)
        assert agrees[is_clear.astype(bool)].mean() > 0.9999


@pytest.mark.promise("import.scikit-learn")
def test_an_even_vote_goes_to_the_first_class(tmp_path: Path) -> None:
    fitted = tree.DecisionTreeClassifier(max_depth=1).fit([[0.0], [0.0], [1.0]], ["no", "yes", "yes"])
    predictor = package(tmp_path, fitted)
    scores = predictor.predict_matrix(np.array([[0.0], [1.0]]))
    assert scores.tolist() == [0.5, 1.0]
    assert [predictor.classes[place] for place in predictor.decide(scores)] == ["no", "yes"]
    assert fitted.predict([[0.0], [1.0]]).tolist() == ["no", "yes"]


def texts(values: np.ndarray) -> pl.Series:
    return pl.Series(values.tolist(), dtype=pl.String)


def shops(rows: int = 1_500) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(4)
    frame = pl.DataFrame(
        {
            "price": rng.normal(size=rows),
            "shop": texts(rng.choice(["kiosk", "żółw", "mall", "Ω", None], rows)),
            "size": pl.Series(rng.choice([0.0, 3.0, 40.0, 700.0, np.nan], rows)).fill_nan(None),
        }
    )
    shop, size = frame["shop"].fill_null("").to_numpy(), frame["size"].fill_null(-1.0).to_numpy()
    target = frame["price"].to_numpy() + np.isin(shop, ["żółw", ""]) * 2 - np.isin(size, [3.0, -1.0]) * 1.5
    return frame, (target + rng.normal(size=rows) / 5 > 0.3).astype(int)


@pytest.mark.promise("import.scikit-learn")
@pytest.mark.parametrize("seed", range(3))
def test_categories_are_texts_or_whole_numbers_and_unknown_ones_count_as_missing(
    tmp_path: Path, seed: int
) -> None:
    frame, labels = shops()
    fitted = ensemble.HistGradientBoostingClassifier(
        max_iter=30, categorical_features=["shop", "size"], learning_rate=0.3, random_state=seed
    ).fit(frame[seed * 100 :], labels[seed * 100 :])
    predictor = package(tmp_path, fitted)
    assert [(column.name, column.type) for column in predictor.columns] == [
        ("price", "number"),
        ("shop", "string"),
        ("size", "integer"),
    ]
    rng = np.random.default_rng(seed)
    rows = pl.DataFrame(
        {
            "price": rng.normal(size=ROWS),
            "shop": texts(rng.choice(["kiosk", "żółw", "mall", "Ω", None, "new"], ROWS)),
            "size": pl.Series(
                rng.choice([0.0, 3.0, 40.0, 700.0, np.nan, -1.0, 1.0, 39.0, 701.0, 1e7], ROWS)
            ).fill_nan(None),
        }
    )
    found = predictor.predict_columns(native_columns(rows, predictor.columns), ROWS)
    assert np.allclose(found, fitted.predict_proba(rows)[:, 1], rtol=1e-12)


@pytest.mark.promise("import.scikit-learn")
def test_codes_in_a_matrix_are_categories(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    matrix = np.column_stack([rng.normal(size=1_500), rng.integers(0, 60, 1_500)])
    labels = matrix[:, 0] + (matrix[:, 1] % 7 == 3) * 3
    fitted = ensemble.HistGradientBoostingRegressor(categorical_features=[1], max_iter=20).fit(matrix, labels)
    predictor = package(tmp_path, fitted)
    assert predictor.is_tensor
    rows = np.column_stack([rng.normal(size=ROWS), rng.integers(-3, 70, ROWS)])
    assert np.allclose(predictor.predict_matrix(rows), fitted.predict(rows), rtol=1e-12)


@pytest.mark.promise("import.scikit-learn")
def test_null_is_refused_where_the_estimator_refuses_it() -> None:
    frame, labels = shops()
    numbers = frame.select("price", (pl.col("price") * 2).alias("double"))
    boosting = ensemble.GradientBoostingClassifier(n_estimators=2).fit(numbers, labels)
    forest = ensemble.RandomForestClassifier(2).fit(numbers, labels)
    for fitted, is_nullable in ((boosting, False), (forest, True)):
        inputs = import_fitted(fitted, "m").content.signature.inputs
        assert [item["nullable"] for item in inputs] == [is_nullable] * 2


ONE, TWO = [[0.0], [1.0]], [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.promise("import.scikit-learn")
@pytest.mark.parametrize(
    ("fitted", "message"),
    [
        (LinearRegression().fit(ONE, TWO), "several targets"),
        (ensemble.RandomForestClassifier(), "not fitted"),
        (tree.DecisionTreeRegressor().fit(ONE, TWO), "several targets"),
        (tree.DecisionTreeClassifier().fit(ONE, [1, 1]), "one class only"),
        (
            ensemble.GradientBoostingClassifier(init=LogisticRegression()).fit(ONE * 9, [0, 1] * 9),
            "starts from a LogisticRegression",
        ),
        (
            ensemble.HistGradientBoostingClassifier(categorical_features=[0]).fit(
                np.array([[0.5], [-1.0]] * 9), [0, 1] * 9
            ),
            "neither texts nor whole numbers",
        ),
        ("a text", "str"),
    ],
)
def test_what_cannot_be_served_exactly_is_refused(fitted: object, message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message):
        import_fitted(fitted, "m")
