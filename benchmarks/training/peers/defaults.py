"""Four libraries with their default settings, fitted once on all rows. They report no estimate."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd

from preparation import Preparation, fit_preparation
from task import Fitted, Task


def fit_lightgbm(task: Task) -> Fitted:
    """LightGBM with native categories."""
    import lightgbm

    kind = lightgbm.LGBMRegressor if task.task == "regression" else lightgbm.LGBMClassifier
    return _fit(task, kind(n_jobs=1, verbose=-1, random_state=task.seed))


def fit_xgboost(task: Task) -> Fitted:
    """XGBoost with native categories."""
    import xgboost

    kind = xgboost.XGBRegressor if task.task == "regression" else xgboost.XGBClassifier
    return _fit(task, kind(n_jobs=1, enable_categorical=True, random_state=task.seed))


def fit_sklearn(task: Task) -> Fitted:
    """scikit-learn's histogram boosting; it takes at most 255 categories, columns of more become codes."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task.task == "regression" else HistGradientBoostingClassifier
    return _fit(task, kind(categorical_features="from_dtype", random_state=task.seed), most_levels=255)


def fit_catboost(task: Task) -> Fitted:
    """CatBoost with native categories as texts."""
    import catboost

    kind = catboost.CatBoostRegressor if task.task == "regression" else catboost.CatBoostClassifier
    preparation = fit_preparation(task.train)
    frame = _as_texts(preparation.apply(task.train))
    model = kind(
        thread_count=1,
        verbose=0,
        random_seed=task.seed,
        cat_features=list(frame.select_dtypes("object").columns),
        allow_writing_files=False,
    )
    model.fit(frame, task.target)
    return fitted(task, model, lambda rows: _as_texts(preparation.apply(rows)))


def fitted(task: Task, model: Any, prepare: Any, validation: float | None = None, note: str = "") -> Fitted:
    """Wrap an estimator, saved as its users save it."""
    saved = task.folder / "model.pickle"
    saved.write_bytes(pickle.dumps(model))

    def predict(rows: pd.DataFrame) -> np.ndarray:
        prepared = prepare(rows)
        if task.task == "regression":
            return np.asarray(model.predict(prepared))
        chances = np.asarray(model.predict_proba(prepared))
        return chances[:, 1] if task.task == "binary" else chances

    return Fitted(predict, validation, saved, note)


def _fit(task: Task, model: Any, *, most_levels: int | None = None) -> Fitted:
    preparation = fit_preparation(task.train)

    def prepare(rows: pd.DataFrame) -> pd.DataFrame:
        return _with_few_levels(preparation.apply(rows), most_levels)

    model.fit(prepare(task.train), task.target)
    return fitted(task, model, prepare)


def _with_few_levels(frame: pd.DataFrame, most: int | None) -> pd.DataFrame:
    if most is None:
        return frame
    codes = {
        name: frame[name].cat.codes.astype(float).where(frame[name].notna())
        for name in frame.select_dtypes("category")
        if len(frame[name].cat.categories) >= most
    }
    return frame.assign(**codes)


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    texts = {
        name: frame[name].astype(object).where(frame[name].notna(), "").astype(str).astype(object)
        for name in frame.select_dtypes("category")
    }
    return frame.assign(**texts)


__all__ = ["Preparation", "fit_catboost", "fit_lightgbm", "fit_sklearn", "fit_xgboost", "fitted"]
