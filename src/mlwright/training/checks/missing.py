"""Look at what is empty: does it tell the label, has a column gone silent, what is answered then?"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import polars as pl

from mlwright.data import Finding
from mlwright.data.finding import Severity
from mlwright.evaluation import holm
from mlwright.evaluation.metric import is_loss, metric_value
from mlwright.training.checks.check import CheckInput, Floats
from mlwright.training.checks.quality import ALWAYS
from mlwright.training.checks.quick_model import sample_rows
from mlwright.training.checks.recent import recent_rows

ERROR_RATE = 0.01
FEWEST_ROWS = 20
RELEVANT_ODDS = 2.0  # of a class where a value is missing, against where not
RELEVANT_STEP = 0.25  # standard deviations of a number label
SUSPICIOUS_ODDS = 10.0
SUSPICIOUS_STEP = 1.0
SILENT = 0.2  # more of the recent rows are empty than of the earlier ones
MOST_ASKED = 200  # rows
MOST_CELLS = 6_000  # rows asked of the model, all columns together
MOST_TOLD = 5
FRAGILE = 0.5  # of what the model is better than chance is lost


def check_missing(given: CheckInput) -> list[Finding]:
    """Look at nulls: `missing.informative`, `missing.recent`, `missing.unanswered` and `missing.fragile`."""
    return [*_informative(given), *_recent(given), *_without_columns(given)]


def _informative(given: CheckInput) -> list[Finding]:
    """Name columns whose emptiness tells the label, by a test of two means after Holm."""
    rows = given.train if len(given.train) else np.arange(given.frame.height)
    frame, target = given.frame[rows].select(column.name for column in given.inputs), given.target[rows]
    counts = frame.null_count().row(0)
    names = [
        name
        for name, count in zip(frame.columns, counts, strict=True)
        if FEWEST_ROWS <= count <= frame.height - FEWEST_ROWS
    ]
    values = _targets(given, target)
    tested = []
    for name in names:
        is_empty = frame[name].is_null().to_numpy()
        tested.append((*min(_difference(is_empty, value) for value in values), name))
    found = []
    chances = holm([chance for chance, _, _, _ in tested])
    for chance, (_, empty, filled, name) in sorted(zip(chances, tested, strict=True)):
        if chance > ERROR_RATE:
            break
        strength = _strength(given, empty, filled, float(target.std()))
        if strength < 1:
            continue
        what = "mean label" if given.task == "regression" else "share of the class"
        text = f"the {what} is {empty:.3g} where {name!r} is empty and {filled:.3g} where it is not"
        evidence = {"empty": empty, "filled": filled, "p": chance}
        advice = (
            "ask why it is empty: what is filled in after the fact leaks, what was never asked may change"
        )
        severity: Severity = "warning" if strength >= 2 else "info"
        found.append(Finding("missing.informative", severity, text, evidence, advice, name))
    return found[:MOST_TOLD]


def _targets(given: CheckInput, target: Floats) -> list[Floats]:
    if given.task != "multiclass":
        return [target]
    classes, counts = np.unique(target, return_counts=True)
    return [(target == value).astype(float) for value in classes[np.argsort(-counts, kind="stable")][:10]]


def _difference(is_empty: np.ndarray, target: Floats) -> tuple[float, float, float]:
    """Give the chance of such a difference of two means, and the means."""
    empty, filled = target[is_empty], target[~is_empty]
    error = sqrt(target.var() * (1 / len(empty) + 1 / len(filled)))
    gap = float(empty.mean() - filled.mean())
    return (
        (erfc(abs(gap) / (error * sqrt(2))) if error > 0 else 1.0),
        float(empty.mean()),
        float(filled.mean()),
    )


def _strength(given: CheckInput, empty: float, filled: float, spread: float) -> float:
    """Give 0 for an irrelevant difference, 1 for a relevant and 2 for a suspicious one."""
    if given.task == "regression":
        step = abs(empty - filled) / spread if spread else 0.0
        return float(step >= RELEVANT_STEP) + float(step >= SUSPICIOUS_STEP)
    odds = [max(rate, 1e-6) / max(1 - rate, 1e-6) for rate in (empty, filled)]
    ratio = max(odds) / min(odds)
    return float(ratio >= RELEVANT_ODDS) + float(ratio >= SUSPICIOUS_ODDS)


def _recent(given: CheckInput) -> list[Finding]:
    recent = recent_rows(given)
    if recent is None:
        return []
    names = [column.name for column in given.inputs]
    shares = [
        np.array(given.frame[rows].select(names).null_count().row(0)) / len(rows)
        for rows in (recent.before, recent.after)
    ]
    found = []
    for name, before, after in zip(names, *(side.tolist() for side in shares), strict=True):
        if after - before >= SILENT:
            text = f"{name!r} is empty in {after:.0%} of the recent rows, in {before:.0%} of the earlier ones"
            advice = f'mend its source, or leave it out with `ignore = ["{name}"]` in [data]'
            evidence = {"before": before, "recent": after}
            found.append(Finding("missing.recent", "warning", text, evidence, advice, name))
    return found


def _without_columns(given: CheckInput) -> list[Finding]:
    """Ask the model about rows in which one column is empty, for each of them."""
    if given.ask is None or given.scores is None or not len(given.test):
        return []
    refused = _refused(given)
    columns = [column for column in given.inputs if column.name not in refused][: MOST_CELLS // 40]
    if not columns:
        return _told_refused(refused)
    count = min(MOST_ASKED, MOST_CELLS // max(len(columns), 1), len(given.test))
    rows = sample_rows(len(given.test), count, given.seed)
    frame = given.frame[given.test[rows]].select(column.name for column in given.inputs)
    kinds = frame.schema
    emptied = [frame.with_columns(pl.lit(None, kinds[one.name]).alias(one.name)) for one in columns]
    answers = given.ask(pl.concat(emptied))
    target, before = given.target[given.test[rows]], given.scores[rows]
    found, lost = _told_refused(refused), []
    for place, column in enumerate(columns):
        own = answers[place * count : (place + 1) * count]
        if not np.isfinite(own).all():
            text = f"the model has no answer where {column.name!r} is empty"
            advice = "let its trainer see empty values, or fill them before it"
            found.append(Finding("missing.unanswered", "blocking", text, {}, advice, column.name))
            continue
        lost.append((_loss(given, target, before, own), column.name))
    for share, name in sorted(lost, reverse=True)[:1]:
        if share >= FRAGILE:
            text = f"without {name!r} the model loses {min(share, 1):.0%} of what it is better than chance"
            advice = "watch that this column stays filled: a day without it is a day without a model"
            found.append(Finding("missing.fragile", "info", text, {"lost": share}, advice, name))
    return found


def _refused(given: CheckInput) -> list[str]:
    """Name the columns that a trained function takes no null for; the contract of its package says so."""
    names = given.facts.get("refuses_null")
    return [str(name) for name in names] if isinstance(names, list) else []


def _told_refused(refused: list[str]) -> list[Finding]:
    if not refused:
        return []
    text = f"rows in which {', '.join(map(repr, refused[:3]))} is empty are refused, not answered"
    advice = "fill them inside the model, with a SimpleImputer before it, if they may be empty in service"
    return [Finding("missing.refused", "info", text, {"columns": refused}, advice)]


def _loss(given: CheckInput, target: Floats, before: Floats, after: Floats) -> float:
    """Give the share of its advantage over a constant that the model loses."""
    metric = ALWAYS[given.task]
    sign = -1.0 if is_loss(metric) else 1.0
    if given.task == "binary":
        zero = 0.5
    elif given.task == "regression":
        zero = float(target.std())
    else:
        shares = np.bincount(target.astype(np.int64)) / len(target)
        zero = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    values = [metric_value(metric, target, answers) for answers in (before, after)]
    edge = sign * (values[0] - zero)
    if not np.isfinite(values).all() or edge <= 0:
        return 0.0
    return float(sign * (values[0] - values[1]) / edge)
