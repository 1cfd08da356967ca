"""What the threshold means on the test rows: alerts a day against capacity, cost against the best there was.

The interval of the threshold comes from days or groups drawn again: how far another sample would move it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Finding
from mlwright.evaluation.bootstrap import Drawing
from mlwright.training.checks.check import CheckInput, Floats, Rows
from mlwright.training.checks.quality import parts_of
from mlwright.training.threshold import choose_threshold

REPETITIONS = 40
FEWEST_OF_CLASS = 20
OVERLOAD = 1.25  # of the capacity
SURELY = 2.0  # standard errors
DEARER = 1.1  # than the best threshold of the test rows


def check_threshold(given: CheckInput) -> list[Finding]:
    """Judge where the line is: `threshold.idle`, `.capacity`, `.cost`, and `.set`, which tells it."""
    if given.task != "binary" or given.scores is None or given.threshold is None:
        return []
    target = given.target[given.test]
    if min(target.sum(), len(target) - target.sum()) < FEWEST_OF_CLASS:
        return []
    alerts = (given.scores >= given.threshold).astype(float)
    days = _days(given)
    share, error = _share(alerts, parts_of(len(alerts), given.blocks, seed=given.seed))
    evidence: dict[str, object] = {"threshold": given.threshold, "alert_share": share, "error": error}
    if days is not None:
        evidence |= {"days": days, "alerts_per_day": float(alerts.sum()) / days}
    if not 0 < alerts.sum() < len(alerts):
        said = "no test row" if not alerts.any() else "every test row"
        text = f"{said} is called positive at the threshold {given.threshold:.3g}"
        advice = 'set `threshold = "best_f1"`, "cost" or "capacity" in [training]'
        return [Finding("threshold.idle", "warning", text, evidence, advice)]
    if isinstance(given.training.threshold, float):
        return []
    low, high = _interval(given, target)
    evidence |= {"low": low, "high": high}
    rate = f", {evidence['alerts_per_day']:,.1f} a day" if days is not None else ""
    line = f"threshold {given.threshold:.3g} [{low:.3g} {high:.3g}]"
    text = f"{line}: {share:.2%} of the test rows are alerts{rate}"
    found = [Finding("threshold.set", "info", text, evidence)]
    if given.training.threshold == "capacity":
        found += _over_capacity(given, share, error, evidence)
    if given.training.threshold == "cost":
        found += _dear(given, target, evidence)
    return found


def _over_capacity(
    given: CheckInput, share: float, error: float, evidence: dict[str, object]
) -> list[Finding]:
    capacity = given.training.alert_share
    if share <= OVERLOAD * capacity or share <= capacity + SURELY * error:
        return []
    per_day = evidence.get("alerts_per_day")
    many = f" ({per_day:,.1f} a day)" if isinstance(per_day, float) else ""
    text = f"{share:.2%} of the test rows are alerts{many}, {capacity:.2%} can be looked at"
    return [
        Finding(
            "threshold.capacity",
            "warning",
            text,
            {**evidence, "capacity": capacity},
            "scores have grown since validation: retrain on newer rows, or set a higher `threshold` by hand",
        )
    ]


def _dear(given: CheckInput, target: Floats, evidence: dict[str, object]) -> list[Finding]:
    assert given.scores is not None
    assert given.threshold is not None
    best = choose_threshold(given.training, target, given.scores)
    now, least = (_cost(given, target, line) for line in (given.threshold, best))
    # a day or group that is left out must not change which threshold is cheaper
    differences = _row_costs(given, target, given.threshold) - _row_costs(given, target, best)
    parts = parts_of(len(target), given.blocks, seed=given.seed)
    sums = np.bincount(parts, weights=differences)
    error = float(np.sqrt(len(sums) * sums.var(ddof=1)))
    if now <= DEARER * least or float(differences.sum()) <= SURELY * error:
        return []
    text = (
        f"mistakes on the test rows cost {now:,.6g}, at the threshold {best:.3g} they would cost {least:,.6g}"
    )
    advice = "the shares of the classes or the scores have moved since validation: retrain on newer rows"
    return [Finding("threshold.cost", "warning", text, {**evidence, "cost": now, "best": best}, advice)]


def _cost(given: CheckInput, target: Floats, line: float) -> float:
    return float(_row_costs(given, target, line).sum())


def _row_costs(given: CheckInput, target: Floats, line: float) -> Floats:
    assert given.scores is not None
    is_alert = given.scores >= line
    missed, false_alarm = given.training.cost_missed, given.training.cost_false_alarm
    return np.where(target > 0, np.where(is_alert, 0.0, missed), np.where(is_alert, false_alarm, 0.0))


def _interval(given: CheckInput, target: Floats) -> tuple[float, float]:
    """Give the interval of the best threshold over samples of days, groups or rows drawn again."""
    assert given.scores is not None
    order = np.argsort(-given.scores, kind="stable")
    scores, positive = given.scores[order], target[order]
    lines = [
        _best(given, scores, positive * weights[order], weights[order].astype(np.float64))
        for weights in Drawing(given.blocks, given.seed, REPETITIONS).weights(len(target))
    ]
    if not lines:
        return float("nan"), float("nan")
    return float(np.quantile(lines, 0.025)), float(np.quantile(lines, 0.975))


def _best(given: CheckInput, scores: Floats, hits: Floats, rows: Floats) -> float:
    """Give the best threshold of weighted rows, which stand from the highest score down."""
    caught, taken = np.cumsum(hits), np.cumsum(rows)
    if given.training.threshold == "capacity":
        place = int(np.searchsorted(taken, given.training.alert_share * taken[-1]))
        return float(scores[min(place, len(scores) - 1)])
    if given.training.threshold == "cost":
        missed, false_alarm = given.training.cost_missed, given.training.cost_false_alarm
        value = -(missed * (caught[-1] - caught) + false_alarm * (taken - caught))
    else:
        value = 2 * caught / np.maximum(taken + caught[-1], 1e-12)
    is_last = np.r_[scores[1:] != scores[:-1], True]
    return float(scores[int(np.argmax(np.where(is_last, value, -np.inf)))])


def _share(alerts: Floats, parts: Rows) -> tuple[float, float]:
    sizes = np.bincount(parts).astype(float)
    shares = np.bincount(parts, weights=alerts) / sizes
    return float(alerts.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else 1.0


def _days(given: CheckInput) -> float | None:
    """Give how many days the test rows span."""
    name = given.data.time
    if name is None or name not in given.frame.columns or not given.frame.schema[name].is_temporal():
        return None
    times = given.frame[name][given.test].cast(pl.Datetime("us")).drop_nulls().to_physical()
    if not len(times):
        return None
    first, last = (float(str(value)) for value in (times.min(), times.max()))
    return max((last - first) / 86_400e6, 1.0)
