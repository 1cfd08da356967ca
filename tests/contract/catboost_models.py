"""Runs in an environment with CatBoost: `train FOLDER` writes models, `predict FOLDER` answers rows.npz."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import catboost as cb
import numpy as np

ROWS = 2_000
CATEGORIES = [1, 4]
NUMBERS: dict[str, dict[str, object]] = {
    "logloss": {"loss_function": "Logloss"},
    "cross-entropy": {"loss_function": "CrossEntropy"},
    "classes": {"loss_function": "MultiClass"},
    "one-vs-all": {"loss_function": "MultiClassOneVsAll"},
    "texts-as-classes": {"loss_function": "MultiClass", "labels": "texts"},
    "rmse": {"loss_function": "RMSE"},
    "poisson": {"loss_function": "Poisson"},
    "tweedie": {"loss_function": "Tweedie:variance_power=1.4"},
    "mae": {"loss_function": "MAE"},
    "quantile": {"loss_function": "Quantile:alpha=0.8"},
    "huber": {"loss_function": "Huber:delta=2"},
    "missing-high": {"loss_function": "RMSE", "nan_mode": "Max"},
    "depthwise": {"loss_function": "Logloss", "grow_policy": "Depthwise"},
    "lossguide": {"loss_function": "MultiClass", "grow_policy": "Lossguide", "max_leaves": 20},
    "deep": {"loss_function": "RMSE", "depth": 10},
}
TEXTS: dict[str, dict[str, object]] = {
    "one-hot": {"loss_function": "Logloss"},
    "one-hot-classes": {"loss_function": "MultiClass"},
    "one-hot-depthwise": {"loss_function": "RMSE", "grow_policy": "Depthwise"},
}
SHOPS = ["kiosk", "żółw", "", "a b", "x" * 70, "0.5", "nan", "mall"]


def numbers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(17)
    matrix = rng.normal(size=(ROWS, 6)) * [1, 1, 1e-3, 1e6, 1, 1]
    matrix[:, 5] = rng.integers(-3, 4, ROWS)
    target = matrix[:, 0] + np.sin(matrix[:, 2] * 2e3) + matrix[:, 3] / 1e6 * (matrix[:, 5] > 0)
    target += np.abs(matrix[:, 1]) + rng.normal(size=ROWS) / 4
    matrix[rng.random(matrix.shape) < 0.12] = np.nan
    return matrix, target + np.isnan(matrix[:, 1]) - 2 * np.isnan(matrix[:, 3])


def mixed(matrix: np.ndarray) -> np.ndarray:
    """Put categories into two columns: places in lists of texts; what is no place is a text of its own."""
    table = matrix.astype(object)
    table[:, 1] = [SHOPS[int(place)] if 0 <= place < len(SHOPS) else "never seen" for place in matrix[:, 1]]
    table[:, 4] = [int(place) if place >= 0 else 10**6 for place in np.nan_to_num(matrix[:, 4], nan=-1)]
    return table


def labels(settings: dict[str, object], target: np.ndarray) -> np.ndarray:
    loss = str(settings["loss_function"]).partition(":")[0]
    if settings.pop("labels", None) == "texts":
        return np.array(["low", "middle", "high"])[np.digitize(target, [0.3, 1.6])]
    if loss.startswith("MultiClass"):
        return np.digitize(target, [0.3, 1.6]) * 10
    if loss == "Logloss":
        return (target > 1).astype(int)
    if loss == "CrossEntropy":
        return 1 / (1 + np.exp(-target))
    return np.exp(target / 2).round(1) if loss in ("Poisson", "Tweedie") else target * 100


def train(folder: Path) -> None:
    matrix, target = numbers()
    common = {
        "iterations": 40,
        "allow_writing_files": False,
        "random_seed": 1,
        "thread_count": 2,
        "verbose": 0,
    }
    for name, more in NUMBERS.items():
        settings = dict(more)
        goal = labels(settings, target)
        names = [f"column {place}" for place in range(6)] if name in ("rmse", "lossguide") else None
        pool = cb.Pool(matrix, goal, feature_names=names)
        model = cb.CatBoost({**common, "depth": 5, "learning_rate": 0.3, **settings}).fit(pool)
        model.save_model(str(folder / f"{name}.json"), format="json")
        model.save_model(str(folder / f"{name}.cbm"))
    rng = np.random.default_rng(3)
    for place, count in zip(CATEGORIES, (len(SHOPS), 30), strict=True):
        matrix[:, place] = rng.integers(0, count, ROWS)
    target += (matrix[:, 1] == 2) * 2 - (matrix[:, 4] % 5 == 0) * 1.5 + (matrix[:, 1] == 4)
    for name, more in TEXTS.items():
        settings = dict(more)
        goal = labels(settings, target)
        pool = cb.Pool(mixed(matrix), goal, cat_features=CATEGORIES)
        model = cb.CatBoost({**common, "depth": 4, "one_hot_max_size": 50, **settings}).fit(pool)
        model.save_model(str(folder / f"{name}.json"), format="json", pool=pool)
        model.save_model(str(folder / f"{name}.cbm"))
        model.save_model(str(folder / f"{name}.without-pool"), format="json")
    pool = cb.Pool(mixed(matrix), labels({"loss_function": "Logloss"}, target), cat_features=CATEGORIES)
    model = cb.CatBoost({**common, "loss_function": "Logloss", "one_hot_max_size": 2}).fit(pool)
    model.save_model(str(folder / "statistics.without-pool"), format="json")
    (folder / "shops.json").write_text(json.dumps(SHOPS))


def predict(folder: Path) -> None:
    for path in sorted(folder.glob("*.cbm")):
        rows = np.load(folder / f"{path.stem}.npz")["rows"]
        model = cb.CatBoost().load_model(str(path))
        is_mixed = path.stem in TEXTS
        pool = cb.Pool(mixed(rows) if is_mixed else rows, cat_features=CATEGORIES if is_mixed else None)
        if path.stem in ("rmse", "lossguide"):
            pool.set_feature_names([f"column {place}" for place in range(6)])
        loss = str({**NUMBERS, **TEXTS}[path.stem]["loss_function"])
        is_class = loss.startswith("MultiClass") or loss in ("Logloss", "CrossEntropy")
        is_count = loss.startswith(("Poisson", "Tweedie"))
        kind = "Probability" if is_class else "Exponent" if is_count else "RawFormulaVal"
        np.savez(
            folder / f"{path.stem}.answers.npz",
            scores=model.predict(pool, prediction_type=kind),
            sums=model.predict(pool, prediction_type="RawFormulaVal"),
            classes=np.array([str(item) for item in model.classes_]),
        )


if __name__ == "__main__":
    {"train": train, "predict": predict}[sys.argv[1]](Path(sys.argv[2]))
