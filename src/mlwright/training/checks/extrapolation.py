"""Ask what the newest rows have that training did not see: seasons, ranges, levels, another mean label.

A booster that tells recent rows from earlier ones with an AUC of .9 or more has found columns that moved; the
one that it uses most is named, left out, and it is asked again. Only tables with a time are asked.
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import polars as pl

from mlwright.data import Finding, is_free_text
from mlwright.training.checks.check import CheckInput
from mlwright.training.checks.column_power import ranked_auc
from mlwright.training.checks.quick_model import plain_matrix, sample_rows
from mlwright.training.checks.recent import Recent, recent_rows

YEAR_DAYS = 350
COVERED = 0.02  # of the training rows in a calendar month
FEWEST_DAYS = 60  # of training, for seasons to be spoken of
MOVED_AUC = 0.9
MOST_MOVED = 4
MOST_ROWS = 3_000  # of each side
MOST_COLUMNS = 200
ROUNDS = 30
OUTSIDE = 0.02  # share of recent rows outside the range of training
UNSEEN = 0.05
FEWEST_UNSEEN = 20
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
MONTH_NAMES = (*MONTHS, "November", "December")


def check_extrapolation(given: CheckInput) -> list[Finding]:
    """Name what recent rows have anew: `extrapolation.season`, `.shift`, `.range`, `.unseen` and `.trend`."""
    recent = recent_rows(given)
    if recent is None:
        return []
    columns = [column for column in given.inputs if column.name != given.data.time][:MOST_COLUMNS]
    names = [column.name for column in columns]
    found = _seasons(recent) + _trend(given, recent)
    rows = [side[sample_rows(len(side), MOST_ROWS, given.seed)] for side in (recent.before, recent.after)]
    moved = []
    if names:
        matrix = plain_matrix(given.frame[np.concatenate(rows)], columns)
        is_recent = np.repeat([0.0, 1.0], [len(side) for side in rows])
        moved = _moved(matrix, is_recent, seed=given.seed)
    for place, auc in moved:
        name = names[place]
        text = f"{name!r} tells recent rows from earlier ones (AUC {auc:.2f} with it)"
        advice = f'leave it out with `ignore = ["{name}"]` in [data] if it only counts on, or retrain often'
        found.append(Finding("extrapolation.shift", "warning", text, {"auc": auc}, advice, name))
    known = {names[place] for place, _ in moved}
    return found + _outside(given, recent, [name for name in names if name not in known])


def _seasons(recent: Recent) -> list[Finding]:
    """Name calendar months that come and that training has not."""
    if not recent.is_moment:
        return []
    times = recent.times[recent.before]
    days = float(np.nanmax(times) - np.nanmin(times)) / 86_400e6
    if not FEWEST_DAYS <= days < YEAR_DAYS:
        return []
    seen = pl.Series(times).drop_nans().cast(pl.Int64).cast(pl.Datetime("us")).dt.month().to_numpy()
    shares = np.bincount(seen, minlength=13)[1:] / max(len(seen), 1)
    missing = [MONTH_NAMES[month] for month in range(12) if shares[month] < COVERED]
    if not missing:
        return []
    text = f"training covers {days:.0f} days; it has seen no {', no '.join(missing)}"
    return [
        Finding(
            "extrapolation.season",
            "warning",
            text,
            {"days": days, "missing": missing},
            "bring a whole year; until then take results of these months as guesses and watch them",
        )
    ]


def _trend(given: CheckInput, recent: Recent) -> list[Finding]:
    """Tell whether the label has left the level that it had in training, as it would in a trend.

    The mean of the recent labels is held against the spread of the means of ten stretches of training.
    """
    if given.task == "multiclass":
        return []
    order = recent.before[np.argsort(recent.times[recent.before], kind="stable")]
    means = np.array([given.target[part].mean() for part in np.array_split(order, 10)])
    now = float(given.target[recent.after].mean())
    low, high = float(means.min()), float(means.max())
    spread = float(given.target[order].std())
    step = now - high if now > high else low - now if now < low else 0.0
    steps = np.abs(np.diff(means))
    relevant = 0.25 * spread if given.task == "regression" else 0.5 * float(means.mean())
    if step <= max(relevant, float(steps.max())):
        return []
    text = f"the mean label is {now:.4g} in recent rows; in training it lay between {low:.4g} and {high:.4g}"
    advice = (
        "trees do not follow a trend: predict a difference or a ratio to an earlier value, and retrain often"
    )
    return [
        Finding("extrapolation.trend", "warning", text, {"recent": now, "low": low, "high": high}, advice)
    ]


def _moved(matrix: np.ndarray, is_recent: np.ndarray, *, seed: int) -> list[tuple[int, float]]:
    """Give the columns by which recent rows are told, the strongest first, with the AUC reached with them."""
    half = np.random.default_rng(seed).permutation(len(is_recent)) % 2 == 0
    left = list(range(matrix.shape[1]))
    found: list[tuple[int, float]] = []
    settings = {
        "objective": "binary",
        "num_leaves": 8,
        "learning_rate": 0.2,
        "min_data_in_leaf": 20,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    while left and len(found) < MOST_MOVED:
        fitted = lgb.train(settings, lgb.Dataset(matrix[half][:, left], is_recent[half]), ROUNDS)
        scores = np.asarray(fitted.predict(matrix[~half][:, left], num_threads=1), dtype=np.float64)
        auc = ranked_auc(is_recent[~half], scores)
        if auc < MOVED_AUC:
            break
        place = left[int(np.argmax(fitted.feature_importance("gain")))]
        found.append((place, auc))
        left.remove(place)
    return found


def _outside(given: CheckInput, recent: Recent, names: list[str]) -> list[Finding]:
    found = []
    before, after = given.frame[recent.before], given.frame[recent.after]
    kinds = before.schema
    numbers = [name for name in names if kinds[name].is_numeric()]
    if numbers:
        lows, highs = before.select(pl.col(numbers).min()), before.select(pl.col(numbers).max())
        beyond = after.select(
            ((pl.col(name) < lows[name][0]) | (pl.col(name) > highs[name][0])).mean().alias(name)
            for name in numbers
        )
        for name in numbers:
            share = beyond[name][0]
            if share is not None and share > OUTSIDE:
                text = f"{name!r} lies outside the range of training in {share:.1%} of the recent rows"
                advice = "trees answer there as at the edge: use a ratio or a difference, or retrain often"
                evidence = {"share": share, "low": lows[name][0], "high": highs[name][0]}
                found.append(Finding("extrapolation.range", "warning", text, evidence, advice, name))
    for name in names:
        if kinds[name] != pl.String or is_free_text(before[name]):  # sentences are read by their words
            continue
        new = after[name].drop_nulls()
        unseen = new.filter(~new.is_in(before[name].unique().implode()))
        if len(unseen) > max(UNSEEN * after.height, FEWEST_UNSEEN):
            share = len(unseen) / after.height
            text = f"{share:.1%} of the recent rows have values of {name!r} that training lacks"
            evidence = {
                "share": share,
                "examples": unseen.unique(maintain_order=True)[:3].to_list(),
            }
            advice = "they are answered like the average level: add a coarser column, or retrain often"
            found.append(Finding("extrapolation.unseen", "warning", text, evidence, advice, name))
    return found
