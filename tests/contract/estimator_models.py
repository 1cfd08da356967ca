"""Fitted objects with pandas around them, for the test beside it; runs where all libraries are."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import catboost as cb
import category_encoders
import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn import ensemble, linear_model, preprocessing
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

import mlwright
from mlwright.errors import MlwrightError

SEED = {"random_state": 0}
NUMBERS, TEXTS = ["age", "income"], ["city", "plan"]


def table(rows: int = 1_500) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows).astype(float),
            "income": rng.lognormal(10, 1, rows),
            "city": rng.choice(["Bern", "Łódź", "Oslo", None], rows),
            "plan": rng.choice(["a", "b", "c"], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "age"] = np.nan
    return frame, pd.Series(frame.income * (frame.city == "Oslo") + rng.normal(size=rows) * 5_000 > 5_000)


def columns(scaler: Any = None) -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), scaler) if scaler is not None else "passthrough"
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), preprocessing.OneHotEncoder(handle_unknown="ignore")
    )
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)])


def cases() -> dict[str, Any]:
    scaled = columns(preprocessing.StandardScaler())
    boosted = {"n_estimators": 25, "n_jobs": 1, **SEED}
    booster = lgb.LGBMClassifier(**boosted, verbose=-1)
    quiet = {"iterations": 25, "verbose": False, "allow_writing_files": False, "random_seed": 0}
    return {
        "scaled logistic": make_pipeline(scaled, linear_model.LogisticRegression(max_iter=300)),
        "scaled forest": make_pipeline(scaled, ensemble.RandomForestClassifier(25, **SEED)),
        "scaled histograms": make_pipeline(scaled, ensemble.HistGradientBoostingClassifier(**SEED)),
        "lightgbm": make_pipeline(columns(), booster),
        "lightgbm dart": make_pipeline(
            columns(), lgb.LGBMClassifier(boosting_type="dart", **boosted, verbose=-1)
        ),
        "lightgbm linear": make_pipeline(scaled, lgb.LGBMClassifier(linear_tree=True, **boosted, verbose=-1)),
        "xgboost": make_pipeline(columns(), xgb.XGBClassifier(**boosted)),
        "xgboost dart": make_pipeline(columns(), xgb.XGBClassifier(booster="dart", rate_drop=0.2, **boosted)),
        "catboost": make_pipeline(scaled, cb.CatBoostClassifier(**quiet)),
        "calibrated lightgbm": CalibratedClassifierCV(
            make_pipeline(columns(), booster), method="isotonic", cv=3
        ),
        "calibrated xgboost": CalibratedClassifierCV(
            make_pipeline(columns(), xgb.XGBClassifier(**boosted)), method="isotonic", cv=3
        ),
        "temperature": CalibratedClassifierCV(make_pipeline(columns(), booster), method="temperature", cv=3),
        "bins": make_pipeline(
            ColumnTransformer(
                [("n", make_pipeline(SimpleImputer(), preprocessing.KBinsDiscretizer(4)), NUMBERS)]
            ),
            linear_model.LogisticRegression(),
        ),
        "splines": make_pipeline(
            ColumnTransformer(
                [("n", make_pipeline(SimpleImputer(), preprocessing.SplineTransformer()), NUMBERS)]
            ),
            linear_model.LogisticRegression(max_iter=300),
        ),
        "function": make_pipeline(
            ColumnTransformer([("n", preprocessing.FunctionTransformer(np.log1p), ["income"])]),
            linear_model.LogisticRegression(),
        ),
        "words": make_pipeline(
            ColumnTransformer([("t", TfidfVectorizer(token_pattern="[a-z]"), "plan")]),
            linear_model.LogisticRegression(),
        ),
        "category_encoders": make_pipeline(
            category_encoders.TargetEncoder(cols=TEXTS), SimpleImputer(), linear_model.LogisticRegression()
        ),
    }


def with_categories() -> dict[str, tuple[Any, pd.DataFrame]]:
    """Give boosters of native categories, and the frames that they take."""
    frame, _ = table()
    typed = frame.assign(**{name: frame[name].astype("category") for name in TEXTS})
    plain = frame.assign(city=frame.city.fillna("none"))
    known = typed.assign(city=typed.city.cat.rename_categories({"Łódź": "Lodz"}))
    quiet = {"iterations": 25, "verbose": False, "allow_writing_files": False, "cat_features": TEXTS}
    return {
        "lightgbm categories": (lgb.LGBMClassifier(n_estimators=25, verbose=-1, n_jobs=1), typed),
        "xgboost categories": (xgb.XGBClassifier(n_estimators=25, enable_categorical=True, n_jobs=1), known),
        "histogram categories": (ensemble.HistGradientBoostingClassifier(categorical_features=TEXTS), typed),
        "catboost categories": (cb.CatBoostClassifier(**quiet), plain),
    }


def main(project: Path) -> None:
    warnings.simplefilter("ignore")
    frame, labels = table()
    fitted = [(name, estimator.fit(frame, labels)) for name, estimator in cases().items()]
    fitted += [(name, estimator.fit(rows, labels)) for name, (estimator, rows) in with_categories().items()]
    said = {}
    for name, estimator in fitted:
        try:
            result = mlwright.import_model(estimator, name=name.replace(" ", "-"), project=project)
            said[name] = {"rows": result.parity_rows, "difference": result.largest_difference}
        except MlwrightError as refusal:
            said[name] = {"refused": str(refusal), "code": refusal.code, "hint": refusal.hint}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
