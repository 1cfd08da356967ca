"""Find columns that know the label: copies, means of it, later values of it, and what is measured too late.

A finding blocks when no honest column looks so; a name that speaks of the time after the fact needs measured
power over the label beside it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Column, Finding
from mlwright.data.finding import Severity
from mlwright.training.checks.check import CheckInput, Floats
from mlwright.training.checks.column_power import Power, average_ranks, column_power, numbers_of, ranked_auc
from mlwright.training.checks.encoded_label import is_encoded_label
from mlwright.training.checks.late_names import planned_twins, sounds_late
from mlwright.training.checks.quick_model import MOST_ROWS, plain_matrix, sample_rows, unseen_scores
from mlwright.training.checks.screen import screened
from mlwright.training.checks.shifted_label import Order, ShiftedLabels

FEWEST_ROWS = 100
SAMPLE = 20_000
BAR_TOLD = 0.6  # of the label's entropy
BAR_AUC = 0.975
BAR_FILLED = 0.9  # AUC of being empty
FEWEST_HAPPENED = 10
BAR_R2 = 0.94
BAR_ORDER = 0.98  # squared rank correlation with a number label
BAR_EXACT = 0.9  # of the rows equal a number label
LATE_BLOCKS = 0.3  # share told by a column with a late name
LATE_TELLS = 0.02
LATE_GAINS = 0.005
MOST_GROUPS = 8
MOST_LATE = 12
MOST_CLASSES = 20


def check_leak(given: CheckInput) -> list[Finding]:
    """Name columns that know the label: `leak.column`, `leak.encoded`, `leak.later` and `leak.late`."""
    if given.frame.height < FEWEST_ROWS or len(np.unique(given.target)) < 2:
        return []
    targets = _targets(given)
    given = screened(given, targets)
    powers = _powers(given, targets)
    shifted = ShiftedLabels(given.target if given.task != "multiclass" else targets[0], _orders(given))
    found: dict[str, Finding] = {}
    for column in given.inputs:
        finding = _of_column(given, column, powers[column.name], targets, shifted)
        if finding is not None:
            found[column.name] = finding
    late = _late(given, powers, targets, known=set(found))
    return [*found.values(), *late]


def _targets(given: CheckInput) -> list[Floats]:
    if given.task != "multiclass":
        return [given.target]
    classes, counts = np.unique(given.target, return_counts=True)
    largest = classes[np.argsort(-counts, kind="stable")][:MOST_CLASSES]
    return [(given.target == value).astype(float) for value in largest]


def _powers(given: CheckInput, targets: list[Floats]) -> dict[str, Power]:
    rows = sample_rows(given.frame.height, given.some(SAMPLE), given.seed)
    sampled = given.frame[rows]
    asked = [target[rows] for target in targets]
    is_class = given.task != "regression"
    return {
        column.name: column_power(sampled[column.name], asked, is_class=is_class, seed=given.seed)
        for column in given.inputs
    }


def _of_column(
    given: CheckInput, column: Column, power: Power, targets: list[Floats], shifted: ShiftedLabels
) -> Finding | None:
    values = given.frame[column.name]
    filled = _fills_after(given, values, targets)
    if filled >= BAR_FILLED and power.told >= LATE_BLOCKS:
        text = f"{column.name!r} is filled in where the label happened (AUC {filled:.3f} of being empty)"
        return _finding(
            "leak.column", "blocking", text, column.name, {"auc_of_empty": filled, "told": power.told}
        )
    measured = _tells_all(given, power, values)
    if measured:
        of = "" if power.reading == "values" else f" by its {power.reading}"
        return _finding(
            "leak.column",
            "blocking",
            f"{column.name!r} alone tells the label{of} ({measured})",
            column.name,
            {"auc": power.auc, "told": power.told, "reading": power.reading},
        )
    if values.dtype == pl.String or values.dtype.is_temporal() or values.dtype == pl.Boolean:
        return None
    numbers = numbers_of(values)
    later = shifted.find(numbers)
    if later:
        text = f"{column.name!r} is {later}: it is not known at the time of its row"
        return _finding("leak.later", "blocking", text, column.name, {"is": later})
    for target in targets:
        said = is_encoded_label(numbers, target)
        if said:
            text = f"{column.name!r} {said}: it was computed from the rows that it is judged on"
            return _finding(
                "leak.encoded", "blocking", text, column.name, {"told": power.told, "because": said}
            )
    return None


def _fills_after(given: CheckInput, values: pl.Series, targets: list[Floats]) -> float:
    """Give how well being empty alone tells a class, in AUC."""
    if given.task == "regression" or not 0 < values.null_count() < len(values):
        return 0.5
    is_empty = values.is_null().cast(pl.Float64).to_numpy()
    found = [
        ranked_auc(target, is_empty) for target in targets if FEWEST_HAPPENED <= target.sum() < len(target)
    ]
    return max((max(auc, 1 - auc) for auc in found), default=0.5)


def _tells_all(given: CheckInput, power: Power, values: pl.Series) -> str:
    """Say how well a column tells the label, if better than honest ones do, else ""."""
    if given.task != "regression":
        is_known = power.told >= BAR_TOLD or power.auc >= BAR_AUC
        return f"AUC {power.auc:.3f}, {power.told:.0%} of what is to be known" if is_known else ""
    if power.told >= BAR_R2:
        return f"R² {power.told:.3f}"
    if not values.dtype.is_numeric():
        return ""
    numbers = numbers_of(values)
    is_given = np.isfinite(numbers)
    if is_given.sum() < FEWEST_ROWS or np.std(numbers[is_given]) == 0:
        return ""
    known, target, share = numbers[is_given], given.target[is_given], float(is_given.mean())
    line = float(np.corrcoef(known, target)[0, 1] ** 2) * share
    if line >= BAR_R2:
        return f"R² {line:.3f}"
    order = _order(known, target, given)
    if order * share >= BAR_ORDER:
        return f"its values are in the order of the label, rank correlation {order**0.5:.3f}"
    same = float(np.mean(np.isclose(numbers, given.target, rtol=1e-6, atol=0)))
    is_same = same >= BAR_EXACT and len(np.unique(given.target)) > 20
    return f"equal to it in {same:.0%} of the rows" if is_same else ""


def _order(numbers: Floats, target: Floats, given: CheckInput) -> float:
    """Give the square of the rank correlation, 1 for a logarithm or any other form of the label."""
    rows = sample_rows(len(numbers), given.some(SAMPLE), given.seed)
    if np.ptp(numbers[rows]) == 0 or np.ptp(target[rows]) == 0:
        return 0.0
    return float(np.corrcoef(average_ranks(numbers[rows]), average_ranks(target[rows]))[0, 1] ** 2)


def _late(
    given: CheckInput, powers: dict[str, Power], targets: list[Floats], *, known: set[str]
) -> list[Finding]:
    names = [column.name for column in given.inputs]
    twins = planned_twins([*names, *(name for name in given.frame.columns if name not in names)])
    suspects = [name for name in names if name not in known and (name in twins or sounds_late(name))]
    rest = [column for column in given.inputs if column.name not in known]
    gains = _gains(given, rest, targets[0], suspects[:MOST_LATE])
    found = []
    for name in suspects[:MOST_LATE]:
        told, gain = powers[name].told, gains.get(name, 0.0)
        if name not in twins and told < LATE_TELLS and gain < LATE_GAINS:
            continue
        severity: Severity = (
            "blocking" if told >= LATE_BLOCKS or (name in twins and told >= LATE_TELLS) else "warning"
        )
        why = twins.get(name, "its name speaks of what happens after the fact")
        text = f"{name!r} may be unknown at the time of prediction: {why}, and it helps to tell the label"
        evidence = {"told": told, "gain": gain, "because": why}
        found.append(_finding("leak.late", severity, text, name, evidence))
    return found


def _gains(given: CheckInput, columns: list[Column], target: Floats, names: list[str]) -> dict[str, float]:
    """Give what each named column adds to a booster of those not named, in AUC or R²."""
    if not names or len(columns) < 2:
        return {}
    rows = sample_rows(given.frame.height, given.some(MOST_ROWS), given.seed)
    matrix, asked = plain_matrix(given.frame[rows], columns), target[rows]
    is_class = given.task != "regression"

    def quality(places: list[int]) -> float:
        scores = unseen_scores(matrix[:, places], asked, is_class=is_class, seed=given.seed)
        if is_class:
            return ranked_auc(asked, scores)
        return 1 - float(np.mean((asked - scores) ** 2) / np.var(asked))

    places = {column.name: place for place, column in enumerate(columns)}
    base = [places[column.name] for column in columns if column.name not in names]
    without = quality(base) if base else 0.5 if is_class else 0.0
    return {name: quality([*base, places[name]]) - without for name in names}


def _orders(given: CheckInput) -> list[Order]:
    """Give the orders in which a later row may be meant, with groups that are followed each for itself."""
    frame, time = given.frame, given.data.time
    rows = np.arange(frame.height)
    orders = [Order("in the order of the table", rows)]
    if time is not None and time in frame.columns:
        moments = frame[time].rank("dense").fill_null(0).to_numpy()
        by_time = np.argsort(moments, kind="stable")
        if (by_time != rows).any():
            orders.insert(0, Order("in the order of time", by_time))
    found = list(orders)
    for name in _groups(given):
        codes = frame[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        found += [Order(f"of the same {name!r} {order.said}", order.rows, codes) for order in orders]
    return found


def _groups(given: CheckInput) -> list[str]:
    names = [given.data.group] if given.data.group in given.frame.columns and given.data.group else []
    for column in given.inputs:
        if column.type in ("string", "integer") and column.name not in names:
            levels = given.frame[column.name].n_unique()
            if 2 <= levels <= given.frame.height // 5:
                names.append(column.name)
    return names[:MOST_GROUPS]


def _finding(name: str, severity: Severity, text: str, column: str, evidence: dict[str, object]) -> Finding:
    advice = (
        f"leave it out with `ignore = [{column!r}]` in [data]; if it is known in time, "
        f'say so with `accept = ["{name}:{column}"]` in [checks]'
    ).replace("'", '"')
    return Finding(name, severity, text, evidence, advice, column)
