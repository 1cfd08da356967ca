"""Runs where XGBoost is: `train FOLDER` and `frame FOLDER` write models, `predict FOLDER` answers rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

ROWS = 3_000
SHOPS = ["kiosk", "x" * 70, "a b", "mall", "0", "nan"]
SIZES = [0, 5, 70, 900]
KINDS = ["q", "c", "q", "q", "c", "q"]
SETTINGS: dict[str, dict[str, object]] = {
    "binary": {"objective": "binary:logistic"},
    "skewed": {"objective": "binary:logistic", "base_score": 0.03, "scale_pos_weight": 4.0},
    "logitraw": {"objective": "binary:logitraw"},
    "regression": {"objective": "reg:squarederror"},
    "share": {"objective": "reg:logistic"},
    "absolute": {"objective": "reg:absoluteerror"},
    "huber": {"objective": "reg:pseudohubererror"},
    "squaredlog": {"objective": "reg:squaredlogerror"},
    "poisson": {"objective": "count:poisson"},
    "gamma": {"objective": "reg:gamma"},
    "tweedie": {"objective": "reg:tweedie", "tweedie_variance_power": 1.3},
    "softprob": {"objective": "multi:softprob", "num_class": 4},
    "softmax": {"objective": "multi:softmax", "num_class": 4},
    "rank": {"objective": "rank:pairwise"},
    "dart": {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4, "seed": 3},
    "forest": {"objective": "reg:squarederror", "num_parallel_tree": 5, "subsample": 0.5, "eta": 0.5},
    "lossguide": {
        "objective": "binary:logistic",
        "grow_policy": "lossguide",
        "max_leaves": 40,
        "max_depth": 0,
    },
    "hinge": {"objective": "binary:hinge"},
    "exact": {"objective": "binary:logistic", "tree_method": "exact", "gamma": 0.5},
    "one-hot": {"objective": "binary:logistic", "max_cat_to_onehot": 50},
}


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    matrix = rng.normal(size=(ROWS, 6)) * [1, 1, 1e-3, 1e6, 1, 1]
    matrix[:, 1] = rng.integers(0, 40, ROWS)
    matrix[:, 4] = rng.integers(0, 5, ROWS)
    matrix[:, 5] = rng.integers(-3, 4, ROWS)
    target = (
        matrix[:, 0]
        + (matrix[:, 1] % 7 == 2)
        + np.sin(matrix[:, 2] * 2e3)
        + (matrix[:, 4] == 3)
        + matrix[:, 3] / 1e6 * (matrix[:, 5] > 0)
        + rng.normal(size=ROWS) / 4
    )
    matrix[rng.random(matrix.shape) < 0.12] = np.nan
    return matrix, target + 1.5 * np.isnan(matrix[:, 1]) - np.isnan(matrix[:, 3])


def labels(objective: str, target: np.ndarray) -> np.ndarray:
    if objective in ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"):
        return target * 100
    if objective.startswith("multi:"):
        return np.digitize(target, [-1, 0.5, 2])
    if objective in ("count:poisson", "rank:pairwise"):
        return np.clip(np.round(target), 0, 5)
    if objective in ("reg:gamma", "reg:tweedie", "reg:squaredlogerror"):
        return np.exp(target)
    return (target > 0.5).astype(int)


def train(folder: Path) -> None:
    matrix, target = table()
    for name, more in SETTINGS.items():
        has_categories = name != "exact"
        kinds = KINDS if has_categories else ["q"] * 6
        group = {"group": [30] * (ROWS // 30)} if name == "rank" else {}
        names = [f"column {place}" for place in range(6)] if name in ("binary", "forest") else None
        data = xgb.DMatrix(
            matrix,
            labels(str(more["objective"]), target),
            feature_types=kinds,
            feature_names=names,
            enable_categorical=True,
            **group,
        )
        settings = {"max_depth": 5, "eta": 0.3, "max_cat_to_onehot": 4, **more}
        booster = xgb.train(settings, data, 30)
        booster.save_model(folder / f"{name}.json")
        booster.save_model(folder / f"{name}.ubj")
    classifier = xgb.XGBClassifier(n_estimators=60, early_stopping_rounds=2, max_depth=4, learning_rate=0.6)
    good = (target > 0.5).astype(int)
    classifier.fit(matrix[:2_000], good[:2_000], eval_set=[(matrix[2_000:], good[2_000:])], verbose=False)
    assert classifier.best_iteration + 1 < classifier.get_booster().num_boosted_rounds()
    classifier.save_model(folder / "stopped.json")
    classifier.save_model(folder / "stopped.ubj")


def frame(rows: np.ndarray) -> Any:
    """Give rows as a data frame: codes of categories become texts and whole numbers, NaN stays missing."""
    import pandas as pd

    codes = np.nan_to_num(rows, nan=-1).astype(int)
    shop = pd.Categorical.from_codes(codes[:, 1], categories=SHOPS)
    size = pd.Categorical.from_codes(codes[:, 3], categories=SIZES)
    return pd.DataFrame({"price": rows[:, 0], "shop": shop, "weight": rows[:, 2], "size": size})


def train_frame(folder: Path) -> None:
    """Train on categories of a data frame, with the sides of missing values both ways."""
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(ROWS, 4))
    rows[:, 1] = rng.integers(0, len(SHOPS), ROWS)
    rows[:, 3] = rng.integers(0, len(SIZES), ROWS)
    target = (
        rows[:, 0]
        + np.isin(rows[:, 1], [1, 4]) * 2
        - (rows[:, 3] == 2) * 1.5
        + rows[:, 2] * (rows[:, 1] == 0)
    )
    rows[rng.random(rows.shape) < 0.15] = np.nan
    target += np.isnan(rows[:, 1]) * 2 + np.isnan(rows[:, 3])
    classifier = xgb.XGBClassifier(n_estimators=30, max_depth=5, max_cat_to_onehot=3, enable_categorical=True)
    classifier.fit(frame(rows), (target > 1).astype(int))
    classifier.save_model(folder / "frame.model")
    asked = rng.normal(size=(10_000, 4))
    asked[:, 1] = rng.integers(0, len(SHOPS), len(asked))
    asked[:, 3] = rng.integers(0, len(SIZES), len(asked))
    asked[rng.random(asked.shape) < 0.2] = np.nan
    scores, leaves = classifier.predict_proba(frame(asked))[:, 1], classifier.apply(frame(asked))
    np.savez(folder / "frame.answers.npz", rows=asked, scores=scores, leaves=leaves)


def predict(folder: Path) -> None:
    for path in sorted(folder.glob("*.json")):
        rows = np.load(folder / f"{path.stem}.npz")["rows"]
        if path.stem == "stopped":
            classifier = xgb.XGBClassifier()
            classifier.load_model(path)
            scores = classifier.predict_proba(rows)[:, 1]
            margins, leaves = classifier.predict(rows, output_margin=True), classifier.apply(rows)
        else:
            booster = xgb.Booster(model_file=path)
            kinds = json.loads(path.read_text())["learner"]["feature_types"]
            data = xgb.DMatrix(
                rows, feature_names=booster.feature_names, feature_types=kinds, enable_categorical=True
            )
            scores, margins = booster.predict(data), booster.predict(data, output_margin=True)
            leaves = booster.predict(data, pred_leaf=True)
        np.savez(folder / f"{path.stem}.answers.npz", scores=scores, margins=margins, leaves=leaves)


if __name__ == "__main__":
    {"train": train, "frame": train_frame, "predict": predict}[sys.argv[1]](Path(sys.argv[2]))
