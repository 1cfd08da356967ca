"""Find rows of the test that stand in training too, equal or nearly so.

Idea: rows are equal when all inputs are; nearly equal when numbers agree to three digits and texts without
case and outer blanks, less as many as meet by chance. Where so few rows are distinct that equal ones are
ordinary, they prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column, Finding
from mlwright.training.checks.check import CheckInput

ORDINARY = 0.8  # share of distinct rows below which equal rows are ordinary
FEWEST_COLUMNS = 3
SHARE_WARNS = 0.005
SHARE_BLOCKS = 0.1
DIGITS = 3
SURPRISING = 3.0  # times as many near copies as meet by chance
FIRST_COLUMNS = 4
Hashes = npt.NDArray[np.uint64]


def check_copies(given: CheckInput) -> list[Finding]:
    """Count copies: `duplicates.across` between train and test, `duplicates.within` the table."""
    if len(given.inputs) < FEWEST_COLUMNS or not len(given.train) or not len(given.test):
        return []
    exact = _hashes(given.frame, given.inputs, is_near=False)
    distinct = pl.Series(exact).n_unique() / max(len(exact), 1)
    across = _shared(exact, given)
    near = _nearly_shared(given)
    if near > across:
        chance = _by_chance(given)
        near = max(near - chance, across) if near > SURPRISING * chance else across
    evidence: dict[str, object] = {"exact": across, "near": near, "distinct": distinct}
    if distinct < ORDINARY:
        text = f"{1 - distinct:.1%} of the rows repeat the inputs of another"
        return [
            Finding(
                "duplicates.within", "info", text, evidence, "add columns that tell rows apart, or a weight"
            )
        ]
    share = max(across, near) / len(given.test)
    if share < SHARE_WARNS or max(across, near) < 2:
        return []
    text = f"{across:,} of {len(given.test):,} test rows stand in training too, {near:,} nearly"
    advice = "drop copies from the source, or name what they belong to as `group` in [data]"
    return [
        Finding(
            "duplicates.across",
            "blocking" if across >= SHARE_BLOCKS * len(given.test) else "warning",
            text,
            evidence,
            advice,
        )
    ]


def _shared(hashes: Hashes, given: CheckInput) -> int:
    return int(np.isin(hashes[given.test], hashes[given.train]).sum())


def _by_chance(given: CheckInput) -> int:
    """Count what is nearly shared once every number column is in another order: so many meet by chance."""
    random = np.random.default_rng(given.seed)
    floats = [column.name for column in given.inputs if given.frame[column.name].dtype.is_float()]
    mixed = [given.frame[name].gather(random.permutation(given.frame.height)) for name in floats]
    return _nearly_shared(replace(given, frame=given.frame.with_columns(mixed)))


def _nearly_shared(given: CheckInput) -> int:
    """Count test rows that nearly stand in training: a few columns rule most out before all are compared."""
    kinds = given.frame.schema
    ordered = sorted(given.inputs, key=lambda column: not kinds[column.name].is_float())
    left = _hashes(given.frame, ordered[:FIRST_COLUMNS], is_near=True)
    test = given.test[np.isin(left[given.test], left[given.train])]
    train = given.train[np.isin(left[given.train], left[test])]
    if len(ordered) <= FIRST_COLUMNS or not len(test):
        return len(test)
    whole = _hashes(given.frame[np.r_[test, train]], ordered, is_near=True)
    return int(np.isin(whole[: len(test)], whole[len(test) :]).sum())


def _hashes(frame: pl.DataFrame, inputs: Sequence[Column], *, is_near: bool) -> Hashes:
    columns = [_near(frame[column.name]) if is_near else frame[column.name] for column in inputs]
    return pl.DataFrame(columns).hash_rows(seed=1).to_numpy()


def _near(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        return values.str.to_lowercase().str.strip_chars()
    return values.round_sig_figs(DIGITS) if values.dtype.is_float() else values
