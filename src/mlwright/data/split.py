"""Hold out rows so that nothing of them is known in training: the future, whole groups, or a random share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data.duplicates import row_copies
from mlwright.data.lists import number_lists, without_divided
from mlwright.data.roles import require_column
from mlwright.errors import ConfigError, TooFewRows
from mlwright.project import DataConfig, Task
from mlwright.statistics import unit_hash

Rows: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
DAY_US = 86_400e6
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Split:
    """Which rows train and which are held out; rows of the gap are neither."""

    train: Rows
    test: Rows
    kind: Literal["time", "group", "random"]
    description: str
    cut: str | None = None


def split_rows(frame: pl.DataFrame, data: DataConfig, *, task: Task, seed: int) -> Split:
    """Divide rows as `split` in [data] says.

    Lists that are ranked stay whole, as `without_divided` says. By a time the rows after a moment are held
    out, rows of the same moment on one side, and training ends `label_delay_days` before it. By a group whole
    groups are held out. At random the classes keep their shares. Raises `TooFewRows`, `ColumnMissing`,
    `ConfigError` for `test_days` without a time.

    >>> import polars as pl
    >>> from mlwright.project import SplitConfig
    >>> data = DataConfig(time="t", split=SplitConfig(by="t"))
    >>> split_rows(pl.DataFrame({"t": range(100)}), data, task="regression", seed=7).description
    'the last 20 of 100 rows by t, after 79'
    """
    found = _divided(frame, data, task=task, seed=seed)
    train = without_divided(found.train, found.test, number_lists(frame, data.query))
    said = found.description
    if len(train) < len(found.train):
        said += f"; {len(found.train) - len(train)} rows of lists on both sides train nothing"
    return _enough(replace(found, train=train, description=said), frame.height)


def _divided(frame: pl.DataFrame, data: DataConfig, *, task: Task, seed: int) -> Split:
    by = data.split.by
    if by == "random" and data.query is None:
        return _at_random(frame, data, task=task, seed=seed)
    by = data.query if by == "random" and data.query is not None else by
    require_column(by, frame.columns)
    kind = frame.schema[by]
    is_time = kind.is_temporal() or (by == data.time and kind.is_numeric())
    if is_time:
        return _by_time(frame, data)
    if data.split.test_days is not None:
        raise ConfigError(f"`test_days` needs a split by time, {by!r} is none", hint="use `test_share`")
    return _by_group(frame, by, data, seed=seed)


def _enough(split: Split, rows: int) -> Split:
    for side, found in (("training", split.train), ("held-out", split.test)):
        if len(found) < FEWEST_ROWS:
            raise TooFewRows(
                f"the split leaves {len(found)} {side} rows of {rows}, at least {FEWEST_ROWS} are needed",
                hint="add rows, or change `split` or `label_delay_days` in [data]",
            )
    return split


def _by_time(frame: pl.DataFrame, data: DataConfig) -> Split:
    by = data.split.by
    times = frame[by]
    is_moment = times.dtype.is_temporal()
    if is_moment:
        times = times.cast(pl.Datetime("us")).to_physical()
    values = times.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(values)
    if not known.any():
        raise TooFewRows(f"no row has a time in {by!r}", hint="choose another `split` in [data]")
    unit = DAY_US if is_moment else 1.0
    cut = _cut(np.sort(values[known]), data, unit)
    test = known & (values > cut)
    gap = 0.0 if data.label_time else data.label_delay_days * unit
    train = known & (values <= cut - gap)
    text = _moment(cut) if is_moment else f"{cut:g}"
    said = f"the last {int(test.sum())} of {frame.height} rows by {by}, after {text}"
    if gap:
        said += f"; training ends {data.label_delay_days:g} days earlier, when its labels were known"
    return Split(np.flatnonzero(train), np.flatnonzero(test), "time", said, text)


def _cut(ordered: npt.NDArray[np.float64], data: DataConfig, unit: float) -> float:
    """Give the last value that is not held out, never the last of all."""
    last = float(ordered[-1])
    if data.split.test_days is not None:
        cut = last - data.split.test_days * unit
    else:
        place = round(len(ordered) * (1 - data.split.test_share)) - 1
        cut = float(ordered[min(max(place, 0), len(ordered) - 1)])
    if cut >= last:
        earlier = ordered[ordered < last]
        cut = float(earlier[-1]) if len(earlier) else last
    return cut


def _by_group(frame: pl.DataFrame, by: str, data: DataConfig, *, seed: int) -> Split:
    """Take whole groups in the order of their hashes until the share is reached; rows without one are alone.

    A group keeps its place when the table grows, so what was held out from a champion stays held out.
    """
    named = frame.select(pl.col(by).cast(pl.String)).with_row_index("row")
    key = pl.col(by).fill_null(pl.format("\x00{}", "row"))
    groups = named.select(key.alias("group")).group_by("group").len().sort("group")
    order = np.argsort([unit_hash(f"split-{seed}", name) for name in groups["group"]], kind="stable")
    sizes = groups["len"].to_numpy()[order]
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = groups["group"].gather(order[before < data.split.test_share * frame.height])
    test = named.select(key.is_in(chosen.implode())).to_series().to_numpy()
    said = f"{len(chosen)} of {len(groups)} values of {by} with {int(test.sum())} of {frame.height} rows"
    return Split(np.flatnonzero(~test), np.flatnonzero(test), "group", said)


def _at_random(frame: pl.DataFrame, data: DataConfig, *, task: Task, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    is_stratified = task != "regression" and data.label is not None and data.label in frame.columns
    codes = np.zeros(frame.height)
    if is_stratified:
        codes = frame[str(data.label)].rank("dense").fill_null(0).to_numpy()
    _, first, units, sizes = np.unique(
        row_copies(frame, label=data.label), return_index=True, return_inverse=True, return_counts=True
    )
    taken: Mask = np.zeros(len(first), dtype=bool)
    for code in np.unique(codes[first]):
        order = generator.permutation(np.flatnonzero(codes[first] == code))
        taken[order] = np.cumsum(sizes[order]) <= round(data.split.test_share * sizes[order].sum())
    test = taken[units]
    said = f"{int(test.sum())} of {frame.height} rows at random"
    said += f", {data.label} in equal shares" if is_stratified else ""
    return Split(np.flatnonzero(~test), np.flatnonzero(test), "random", said)


def _moment(micros: float) -> str:
    moment = pl.Series([round(micros)]).cast(pl.Datetime("us"))[0]
    return str(moment.isoformat())
