"""Find rows of the same thing on both sides of a random split: customers, patients, houses.

Idea: a column whose values come back in a few rows each names things. If the label agrees within a thing far
beyond chance (intraclass correlation from a one-way analysis of variance), a random split tells the model the
answers of the test; groups would not. Of whole numbers that agreement counts which the numbers next to them
do not share: a quantity orders its values, a number of a customer does not. Where whole rows repeat their
inputs with another label, nothing can tell them apart.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import Finding
from mlwright.data.finding import Severity
from mlwright.training.checks.check import CheckInput, Floats, Rows

FEWEST_ROWS = 200
FEWEST_THINGS = 50
SMALLEST_SHARE = 0.01  # things per row
LARGEST_SHARE = 0.6
AGREES = 0.3  # intraclass correlation
SURELY = 6.0  # standard deviations of it under chance
MOST_ROWS = 50_000
CONFLICTS = 0.01  # of the rows
FEWEST_CONFLICTS = 10
NEARLY_UNIQUE = 0.5  # distinct values of some column per row: then equal rows are the same thing twice
ORDINARY = 0.8  # share of distinct rows below which equal inputs are ordinary
FEWEST_COLUMNS = 3
MOST_TOLD = 3
NEIGHBOURS = 5  # numbers on each side


def check_entities(given: CheckInput) -> list[Finding]:
    """Name things on both sides, `contamination.group`, and labels that differ, `duplicates.conflict`."""
    return [*_things(given), *_conflicts(given)]


def _things(given: CheckInput) -> list[Finding]:
    if given.data.split.by != "random" or given.frame.height < FEWEST_ROWS or not len(given.test):
        return []
    target = _numbers(given)
    skipped = {given.data.label, given.data.time, given.data.weight, given.data.label_time}
    found = []
    for name, kind in given.frame.schema.items():
        if name in skipped or not (kind == pl.String or kind.is_integer()):
            continue
        things = given.frame[name]
        rows = np.flatnonzero(things.is_not_null().to_numpy())
        codes = things[rows].rank("dense").cast(pl.Int64).to_numpy() - 1
        count = int(codes.max(initial=-1)) + 1
        if count < max(FEWEST_THINGS, SMALLEST_SHARE * len(rows)) or count > LARGEST_SHARE * len(rows):
            continue
        asked = _beyond_neighbours(codes, target[rows], count) if kind.is_integer() else target[rows]
        agreement, chance = _agreement(codes, asked, count)
        if agreement < max(AGREES, SURELY * chance):
            continue
        shared = _shared(codes, rows, given)
        text = (
            f"rows of the same {name!r} stand in training and test ({shared:.0%} of the test rows), "
            "and their labels agree"
        )
        evidence = {"agreement": agreement, "shared": shared, "things": count}
        advice = f'say `group = "{name}"` in [data] so that each stands on one side'
        found.append(Finding("contamination.group", "warning", text, evidence, advice, name))
    return sorted(found, key=lambda one: -float(str(one.evidence["agreement"])))[:MOST_TOLD]


def _numbers(given: CheckInput) -> Floats:
    if given.task != "multiclass":
        return given.target
    classes, counts = np.unique(given.target, return_counts=True)
    return np.asarray(given.target == classes[np.argmax(counts)], dtype=np.float64)


def _beyond_neighbours(codes: Rows, target: Floats, count: int) -> Floats:
    """Take from each label the mean label of the numbers next to its own, on both sides."""
    sizes = np.bincount(codes, minlength=count).astype(float)
    sums = np.bincount(codes, weights=target, minlength=count)
    places = np.arange(count)
    low, high = np.maximum(places - NEIGHBOURS, 0), np.minimum(places + NEIGHBOURS + 1, count)
    around = [np.diff(np.r_[0.0, np.cumsum(one)][np.c_[low, high]])[:, 0] - one for one in (sums, sizes)]
    return np.asarray(target - (around[0] / around[1])[codes])


def _agreement(codes: Rows, target: Floats, count: int) -> tuple[float, float]:
    """Give the intraclass correlation and its standard deviation if labels did not depend on things."""
    sizes = np.bincount(codes, minlength=count).astype(float)
    sums = np.bincount(codes, weights=target, minlength=count)
    rows, mean = len(target), float(target.mean())
    between = float((sizes * (sums / sizes - mean) ** 2).sum()) / (count - 1)
    within = float((target**2).sum() - (sums**2 / sizes).sum()) / max(rows - count, 1)
    size = (rows - float((sizes**2).sum()) / rows) / (count - 1)
    if between + (size - 1) * within <= 0 or size <= 1:
        return 0.0, 1.0
    found = (between - within) / (between + (size - 1) * within)
    return found, float(np.sqrt(2.0 * rows / (max(rows - count, 1) * count))) / size


def _shared(codes: Rows, rows: Rows, given: CheckInput) -> float:
    place = np.full(given.frame.height, -1)
    place[rows] = codes
    known = np.unique(place[given.train])
    return float(np.isin(place[given.test], known[known >= 0]).mean())


def _conflicts(given: CheckInput) -> list[Finding]:
    """Count rows whose inputs repeat with another label, where equal inputs are not ordinary."""
    if len(given.inputs) < FEWEST_COLUMNS or given.frame.height < FEWEST_ROWS:
        return []
    hashes = given.frame.select(column.name for column in given.inputs).hash_rows(seed=1)
    rows = pl.DataFrame({"row": hashes, "label": given.target})
    repeated = rows.group_by("row").agg(pl.len(), pl.col("label").n_unique().alias("labels"))
    if repeated.height < ORDINARY * rows.height:
        return []
    copies = int(repeated.filter(pl.col("len") > 1)["len"].sum())
    count = int(repeated.filter(pl.col("labels") > 1)["len"].sum())
    if count < max(FEWEST_CONFLICTS, CONFLICTS * rows.height):
        return []
    most = max(given.frame[column.name].n_unique() for column in given.inputs)
    severity: Severity = "warning" if most >= NEARLY_UNIQUE * given.frame.height else "info"
    text = f"{count:,} rows have inputs that another row has with another label ({copies:,} rows are copies)"
    advice = "find out which label is right, or add the column that tells these rows apart"
    return [Finding("duplicates.conflict", severity, text, {"rows": count, "copies": copies}, advice)]
