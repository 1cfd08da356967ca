"""Runs in an environment with XGBoost: `train FOLDER` writes models, `predict FOLDER` answers rows.npz."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

ROWS = 3_000
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
    {"train": train, "predict": predict}[sys.argv[1]](Path(sys.argv[2]))
