"""Add labels from a file to the feedback log, where they meet their predictions."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.errors import LabelsInvalid
from mlwright.monitoring import add_labels
from mlwright.project import find_project

if TYPE_CHECKING:
    import polars as pl

ID_FORM = re.compile(r"[0-9a-f]{26}")
TIME_NAMES = ("arrived_at", "arrival_time", "time", "ts")
HINT = "the file needs the columns id (as predictions gave it) and label, optionally arrived_at"


@dataclass(frozen=True)
class LabelAddRequest:
    """Which file to add."""

    project: Path
    file: Path


@dataclass(frozen=True)
class LabelAddResult:
    """How many labels were added."""

    added: int
    file: Path


def label_add(request: LabelAddRequest) -> LabelAddResult:
    """Check every row of a file of labels, then add all of them.

    Raises `LabelsInvalid` and adds nothing when a row cannot be a label.
    """
    project = find_project(request.project)
    frame = _read(request.file)
    missing = {"id", "label"} - set(frame.columns)
    if missing:
        raise LabelsInvalid(
            f"{request.file.name!r} lacks the columns {sorted(missing)}", hint=HINT, columns=frame.columns
        )
    ids = [str(value) for value in frame.get_column("id")]
    for row, row_id in enumerate(ids):
        if not ID_FORM.fullmatch(row_id):
            raise LabelsInvalid(f"row {row}: {row_id!r} is not the id of a prediction", hint=HINT, row=row)
    if frame.get_column("label").null_count():
        raise LabelsInvalid(f"{request.file.name!r} has rows without a label", hint=HINT)
    values = [json.dumps(_plain(value)) for value in frame.get_column("label")]
    added = add_labels(project.log, ids, values, _times(frame))
    return LabelAddResult(added, request.file)


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix in {".arrow", ".feather", ".ipc"}:
            return pl.read_ipc(path)
        return pl.read_csv(path, schema_overrides={"id": pl.String}, try_parse_dates=True)
    except (OSError, pl.exceptions.PolarsError) as cause:
        raise LabelsInvalid(f"{str(path)!r} cannot be read as a table", hint=HINT) from cause


def _times(frame: pl.DataFrame) -> list[int]:
    """Give arrival times in µs: the column's, or now."""
    import polars as pl

    names = [name for name in TIME_NAMES if name in frame.columns]
    if not names:
        return [time.time_ns() // 1000] * frame.height
    column = frame.get_column(names[0])
    if column.dtype.is_integer():
        return [int(value) for value in column.fill_null(time.time_ns() // 1000)]
    try:
        moments = column if column.dtype.is_temporal() else column.str.to_datetime(time_unit="us")
        return [int(value) for value in moments.cast(pl.Datetime("us")).cast(pl.Int64)]
    except (pl.exceptions.PolarsError, TypeError) as cause:
        raise LabelsInvalid(f"the column {names[0]!r} does not hold times", hint=HINT) from cause


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else str(value)
