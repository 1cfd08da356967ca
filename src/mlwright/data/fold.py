"""Folds of the training rows that are as far from each other as training is from serving.

With a time, training rows come before those that validate them; with groups, whole groups validate; else
rows are drawn at random in equal shares of the label. Large tables have one fold: it is precise enough, and
more would cost the search its candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.duplicates import row_copies
from mlwright.data.lists import number_lists, without_divided
from mlwright.data.roles import require_column
from mlwright.errors import TooFewRows
from mlwright.project import DataConfig, Task
from mlwright.statistics import unit_hash

Rows: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

DAY_US = 86_400e6
LARGE = 100_000  # rows from which one fold is enough
SMALL = 2_000  # rows below which five folds are cheap
FORWARD = (0.64, 0.76, 0.88)  # quantiles of time at which training ends; the next one ends validation
FORWARD_LARGE = (0.80,)
FEWEST_ROWS = 10
BINS = 10  # of a regression's target, drawn in equal shares


@dataclass(frozen=True)
class Fold:
    """Rows that train, with labels as known at `known_at` (microseconds) if it is set, and that validate."""

    train: Rows
    valid: Rows
    known_at: int | None = None


@dataclass(frozen=True)
class Folds:
    """All folds, and a sentence that says why they are so."""

    folds: tuple[Fold, ...]
    kind: Literal["forward", "group", "stratified", "random"]
    why: str


def make_folds(frame: pl.DataFrame, target: Floats, data: DataConfig, *, task: Task, seed: int) -> Folds:
    """Divide training rows as the held-out rows were divided from them.

    Raises `TooFewRows` when no fold has enough rows, or classes, on its training side.

    >>> from mlwright.project import SplitConfig
    >>> data = DataConfig(time="t", split=SplitConfig(by="t"))
    >>> made = make_folds(pl.DataFrame({"t": range(100)}), np.zeros(100), data, task="regression", seed=7)
    >>> [(len(fold.train), len(fold.valid)) for fold in made.folds]
    [(64, 12), (76, 12), (88, 12)]
    """
    made = _divided(frame, target, data, task=task, seed=seed)
    lists = number_lists(frame, data.query)
    whole = tuple(replace(fold, train=without_divided(fold.train, fold.valid, lists)) for fold in made.folds)
    return _usable(replace(made, folds=whole), target, task)


def _divided(frame: pl.DataFrame, target: Floats, data: DataConfig, *, task: Task, seed: int) -> Folds:
    by = data.split.by
    if by == "random" and data.query is None:
        return _at_random(frame, target, data, task=task, seed=seed)
    by = data.query if by == "random" and data.query is not None else by
    require_column(by, frame.columns)
    kind = frame.schema[by]
    if kind.is_temporal() or (by == data.time and kind.is_numeric()):
        forward = _forward(frame, data)
        if forward is not None:
            return forward
        if data.query is None:
            return _at_random(frame, target, data, task=task, seed=seed)
        by = data.query
    return _by_group(frame, by, seed=seed)


def _usable(folds: Folds, target: Floats, task: Task) -> Folds:
    def is_usable(fold: Fold) -> bool:
        has_rows = min(len(fold.train), len(fold.valid)) >= min(FEWEST_ROWS, max(len(target) // 10, 1))
        return has_rows and (task == "regression" or len(np.unique(target[fold.train])) > 1)

    kept = tuple(fold for fold in folds.folds if is_usable(fold))
    if not kept:
        raise TooFewRows(
            f"no fold of the {len(target)} training rows has {FEWEST_ROWS} rows on both sides"
            + ("" if task == "regression" else ", and two classes to learn from"),
            hint="add rows, or change `split` or `label_delay_days` in [data]",
        )
    return Folds(kept, folds.kind, folds.why)


def _forward(frame: pl.DataFrame, data: DataConfig) -> Folds | None:
    """Cut at quantiles of the time; None when all rows have the same."""
    times = frame[data.split.by]
    is_moment = times.dtype.is_temporal()
    if is_moment:
        times = times.cast(pl.Datetime("us")).to_physical()
    values = times.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    ordered = np.sort(values[np.isfinite(values)])
    if not len(ordered) or ordered[0] == ordered[-1]:
        return None
    unit = DAY_US if is_moment else 1.0
    delay = data.label_delay_days * unit
    last = float(ordered[-1])
    if data.label_time:  # only mature rows validate
        ordered = ordered[ordered <= max(last - delay, ordered[len(ordered) // 2])]
    shares = FORWARD if len(ordered) <= LARGE else FORWARD_LARGE
    cuts = [_cut(ordered, share) for share in shares]
    gap = 0.0 if data.label_time else delay
    ends = [*cuts[1:], float(ordered[-1])]
    folds = tuple(
        Fold(
            np.flatnonzero(values <= cut - gap),
            np.flatnonzero((values > cut) & (values <= end)),
            int(cut) if data.label_time else None,
        )
        for cut, end in zip(cuts, ends, strict=True)
        if end > cut
    )
    why = (
        f"{len(folds)} folds, each trains on rows up to a moment of {data.split.by} and validates on the next"
    )
    if gap:
        why += f"; training ends {data.label_delay_days:g} days earlier, when its labels were known"
    if data.label_time:
        why += f"; labels count as they were known at that moment by {data.label_time}"
    return Folds(folds, "forward", why)


def _cut(ordered: Floats, share: float) -> float:
    """Give the time up to which a share of rows lies, never the last of all."""
    cut = float(ordered[min(max(round(len(ordered) * share) - 1, 0), len(ordered) - 1)])
    return cut if cut < ordered[-1] else float(ordered[ordered < ordered[-1]][-1])


def _by_group(frame: pl.DataFrame, by: str, *, seed: int) -> Folds:
    """Fill folds with whole groups in the order of their hashes; rows without a group are alone."""
    named = frame.select(pl.col(by).cast(pl.String)).with_row_index("row")
    keys = named.select(pl.col(by).fill_null(pl.format("\x00{}", "row"))).to_series().to_numpy()
    groups, codes, sizes = np.unique(keys.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort([unit_hash(f"fold-{seed}", name) for name in groups], kind="stable")
    parts, used = _parts(frame.height)
    place = np.empty(len(groups), dtype=np.int64)
    place[order] = _filled(sizes[order], parts)
    return Folds(
        _complements(place[codes], used),
        "group",
        f"each of {used} folds validates on whole values of {by}, which never stand on both sides",
    )


def _at_random(frame: pl.DataFrame, target: Floats, data: DataConfig, *, task: Task, seed: int) -> Folds:
    generator = np.random.default_rng(seed + 1)
    _, first, units = np.unique(row_copies(frame, label=data.label), return_index=True, return_inverse=True)
    strata = _strata(target, task)[first]
    parts, used = _parts(frame.height)
    sizes = np.bincount(units)
    place = np.empty(len(first), dtype=np.int64)
    for stratum in np.unique(strata):
        members = generator.permutation(np.flatnonzero(strata == stratum))
        start = generator.integers(0, parts)
        place[members] = (_filled(sizes[members], parts) + start) % parts
    return Folds(
        _complements(place[units], used),
        "stratified",
        f"{used} folds at random, the label in equal shares, copies of a row on one side: "
        "no time and no group says how rows depend on each other",
    )


def _strata(target: Floats, task: Task) -> npt.NDArray[np.int64]:
    if task != "regression":
        return np.asarray(target, dtype=np.int64)
    edges = np.unique(np.quantile(target, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, target), dtype=np.int64)


def _parts(rows: int) -> tuple[int, int]:
    """Give into how many parts rows are divided, and how many of them validate."""
    if rows > LARGE:
        return 5, 1
    return (5, 5) if rows < SMALL else (3, 3)


def _filled(sizes: npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """Give the part of each unit so that parts get equally many rows, in this order."""
    before = np.cumsum(sizes) - sizes
    return np.asarray(np.minimum(before * parts // max(int(sizes.sum()), 1), parts - 1), dtype=np.int64)


def _complements(place: npt.NDArray[np.int64], used: int) -> tuple[Fold, ...]:
    return tuple(Fold(np.flatnonzero(place != part), np.flatnonzero(place == part)) for part in range(used))
