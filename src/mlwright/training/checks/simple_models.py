"""What a model has to be better than: a constant, the last value or season, a line, an untuned booster."""

from __future__ import annotations

import warnings

import lightgbm as lgb
import numpy as np
import polars as pl
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from mlwright.training.checks.check import CheckInput, Floats, Rows
from mlwright.training.checks.quick_model import sample_rows
from mlwright.training.cost import LEAVES, tree_seconds
from mlwright.training.problem import goal_of

ROUNDS = 100  # the default of LightGBM
MOST_TREES = 600
MOST_LINEAR_ROWS = 8_000
FEWEST_LINEAR_ROWS = 500
MOST_TERMS = 2_000_000  # cells of a linear fit
PER_TERM = 1.5e-6  # seconds
FEWEST_FITTED = 2_000  # rows of the untuned booster
LEAST_SECONDS = 0.5  # that it may take of any budget
MOST_LEVELS = 12
FEWEST_FOUND = 0.5  # of the test rows have a value one season earlier
SEASONS_US = {"a day earlier": 86_400e6, "a week earlier": 7 * 86_400e6}


def constant(given: CheckInput) -> Floats:
    """Give the mean label, or the shares of the classes, for each sampled test row."""
    target, rows = given.target[given.train], len(given.sample.test)
    if given.task == "multiclass":
        shares = np.bincount(target.astype(np.int64), minlength=_classes(given)) / len(target)
        return np.tile(shares, (rows, 1))
    return np.full(rows, float(target.mean()))


def booster(given: CheckInput) -> Floats | None:
    """Give the answers of LightGBM with its own settings; None where the seconds allow no rows worth it."""
    sample = given.sample
    goal = goal_of(given.task, given.training)
    settings: dict[str, object] = {
        "objective": "regression" if goal == "rank" else goal,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": given.seed,
        "verbosity": -1,
    }
    rounds = ROUNDS
    if given.task == "multiclass":
        settings["num_class"] = _classes(given)
        rounds = max(MOST_TREES // _classes(given), 10)
    rows = _affordable(given, rounds * (_classes(given) if given.task == "multiclass" else 1))
    if rows is None:
        return None
    data = lgb.Dataset(sample.train_matrix[rows], given.target[sample.train][rows])
    fitted = lgb.train(settings, data, rounds)
    return np.asarray(fitted.predict(sample.test_matrix, num_threads=1), dtype=np.float64)


def line(given: CheckInput) -> Floats:
    """Give the answers of a logistic or ridge regression on scaled numbers and frequent levels."""
    sample = given.sample
    matrix = _scaled(given)
    terms = min(MOST_TERMS, given.seconds / PER_TERM)
    most = min(MOST_LINEAR_ROWS, max(int(terms) // max(matrix.shape[1], 1), FEWEST_LINEAR_ROWS))
    rows = sample_rows(len(sample.train), most, given.seed)
    target, asked = given.target[sample.train][rows], matrix[len(sample.train) :]
    if given.task == "regression":
        return np.asarray(Ridge().fit(matrix[rows], target).predict(asked), dtype=np.float64)
    if len(np.unique(target)) < 2:
        return constant(given)
    model = LogisticRegression(max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close is enough for a bar to pass
        model.fit(matrix[rows], target)
    found = model.predict_proba(asked)
    if given.task == "binary":
        return np.asarray(found[:, 1], dtype=np.float64)
    spread = np.full((len(asked), _classes(given)), 1e-9)
    spread[:, model.classes_.astype(np.int64)] = found
    return np.asarray(spread / spread.sum(axis=1, keepdims=True), dtype=np.float64)


def earlier_values(given: CheckInput) -> dict[str, Floats]:
    """Give what repeating answers to a regression in time: the last known value, a day or week earlier.

    Values are means of a moment, within the group if one is named; those younger than the wait for a label
    are not known yet.
    """
    data, frame = given.data, given.frame
    if given.task != "regression" or data.time is None or not frame.schema[data.time].is_temporal():
        return {}
    rows = given.test[given.sample.test]
    by = [data.group] if data.group in frame.columns and data.group else []
    used = frame.select(pl.col(data.time).cast(pl.Datetime("us")).alias("t"), *by).with_columns(
        pl.Series("y", given.target)
    )
    series = used.drop_nulls("t").group_by("t", *by).agg(pl.col("y").mean()).sort("t")
    asked = used[rows].drop("y").with_row_index("row")
    wait = int(data.label_delay_days * 86_400e6)
    mean = float(given.target[given.train].mean())
    found = {}
    for name, back in {"the last value": 0.0, **SEASONS_US}.items():
        lag = max(int(back), wait)
        if back and wait > back:
            continue
        looked = asked.with_columns(pl.col("t") - pl.duration(microseconds=lag or 1)).sort("t")
        tolerance = None if not back else "1h"
        joined = looked.join_asof(
            series, on="t", by=by or None, strategy="backward", tolerance=tolerance, check_sortedness=False
        )
        values = joined.sort("row")["y"]
        if values.null_count() <= (1 - FEWEST_FOUND) * len(values):
            found[name] = values.fill_null(mean).to_numpy()
    return found


def _affordable(given: CheckInput, trees: int) -> Rows | None:
    """Give as many sampled training rows as the seconds allow a booster to learn from."""
    rows, columns = len(given.sample.train), len(given.sample.columns)
    most = rows
    while (cost := trees * tree_seconds(LEAVES, most, columns)) > given.seconds and most > FEWEST_FITTED:
        most = max(most * 3 // 4, FEWEST_FITTED)
    return sample_rows(rows, most, given.seed) if cost <= max(given.seconds, LEAST_SECONDS) else None


def _classes(given: CheckInput) -> int:
    return int(given.target.max()) + 1


def _scaled(given: CheckInput) -> Floats:
    """Give scaled numbers without gaps, where they were empty, and frequent levels as columns of 0 and 1."""
    sample, count = given.sample, len(given.sample.train)
    made = []
    for place, column in enumerate(sample.columns):
        values = sample.matrix[:, place]
        if column.type == "string":
            made += [(values == code).astype(float) for code in range(MOST_LEVELS) if (values == code).any()]
            continue
        is_given = np.isfinite(values)
        known = values[:count][is_given[:count]]
        if not len(known):
            continue
        filled = np.where(is_given, values, known.mean())
        made.append(np.clip((filled - known.mean()) / (known.std() or 1.0), -8, 8))
        if not is_given.all():
            made.append((~is_given).astype(float))
    return np.column_stack(made) if made else np.zeros((len(sample.matrix), 1))
