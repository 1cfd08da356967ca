"""Fit one system of others on one table, in its own environment: `python fit.py SYSTEM TASK.json`.

Writes `scores.npy` and `measured.json` into the folder of the task.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from clock import count_cpu_seconds, cpu_seconds

SYSTEMS = {
    "AutoGluon": ("automatic", "fit_autogluon"),
    "FLAML": ("automatic", "fit_flaml"),
    "Optuna-LightGBM": ("tuned", "fit_tuned"),
    "LightGBM": ("defaults", "fit_lightgbm"),
    "XGBoost": ("defaults", "fit_xgboost"),
    "CatBoost": ("defaults", "fit_catboost"),
    "scikit-learn": ("defaults", "fit_sklearn"),
}
ROWS, SECONDS = 200, 4.0  # most rows asked one by one, most processor seconds for them


def main() -> None:
    """Read, fit, score, measure."""
    warnings.filterwarnings("ignore")
    name, path = sys.argv[1], Path(sys.argv[2])
    module, function = SYSTEMS[name]
    if module == "automatic":
        count_cpu_seconds()
    fit = getattr(import_module(module), function)
    import numpy as np

    from task import read_task

    task = read_task(path)
    before = cpu_seconds()
    fitted = fit(task)
    spent = cpu_seconds() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.save(task.folder / "scores.npy", fitted.predict(task.test))
    measured = {
        "cpu_seconds": spent,
        "peak_rss_mb": peak / 1024,
        "validation": fitted.validation,
        "package_kb": _size(fitted.saved) / 1024,
        "note": fitted.note,
        **_one_row(fitted.predict, task.test),
    }
    (task.folder / "measured.json").write_text(json.dumps(measured))


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _one_row(predict: Callable[..., object], test: object) -> dict[str, float]:
    """Give processor milliseconds of a prediction of one row as a frame, after a few that are not counted."""
    taken: list[float] = []
    began = time.process_time()
    for place in range(min(ROWS, len(test))):
        row = test.iloc[place : place + 1]
        before = time.process_time()
        predict(row)
        taken.append((time.process_time() - before) * 1000)
        if time.process_time() - began > SECONDS:
            break
    counted = sorted(taken[min(5, len(taken) - 1) :])
    return {
        "row_p50_ms": counted[len(counted) // 2],
        "row_p99_ms": counted[min(int(0.99 * len(counted)), len(counted) - 1)],
        "rows_asked": len(counted),
    }


if __name__ == "__main__":
    main()
