"""Infer what a table is about: types, task, classes, and which columns cannot be features."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.column_type import convert, infer_type
from mlwright.data.leakage import smell_label_copies
from mlwright.errors import ColumnMissing, LabelUnusable, TooFewRows
from mlwright.project import Task

MOST_CLASSES = 100
MOST_NUMERIC_CLASSES = 10
FEWEST_ROWS = 20
MOST_ID_LEVELS = 255  # more numbers than a tree could tell apart as names
ID_WORDS = frozenset({"id", "ids", "uuid", "guid"})
ROW_WORDS = frozenset({"", "index", "idx", "key", "row", "no", "nr", "number"})
POSITIVE_WORDS = ("1", "true", "yes", "y", "t", "positive", "pos", "fraud", "bad", "churn", "default")


@dataclass(frozen=True)
class Roles:
    """What was found, what had to be assumed for it, and what cannot be seen in a table.

    `classes` are JSON values, negative before positive when binary, empty for a regression. `types` has
    every column that can be read, `inputs` those a model reads, `ignored` the reason for each other one.
    """

    task: Task
    label: str
    positive: ClassValue | None
    classes: list[ClassValue]
    time: str | None
    group: str | None
    ignored: dict[str, str]
    inputs: list[Column]
    types: dict[str, ColumnType] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Wishes:
    label: str
    time: str | None
    group: str | None
    ignore: Sequence[str]
    task: Task | None
    positive: ClassValue | None

    def named(self) -> list[str]:
        return [n for n in (self.label, self.time, self.group, *self.ignore) if n is not None]


def infer_roles(  # noqa: PLR0913  # what a person may say of a table, all by keyword
    frame: pl.DataFrame,
    *,
    label: str,
    time: str | None = None,
    group: str | None = None,
    ignore: Sequence[str] = (),
    task: Task | None = None,
    positive: ClassValue | None = None,
) -> Roles:
    """Find types, roles and task.

    Raises `ColumnMissing` for a wish that names no column, `LabelUnusable`, `TooFewRows`.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [i % 9 for i in range(60)], "won": ["no", "yes", "no"] * 20})
    >>> found = infer_roles(frame, label="won")
    >>> found.task, found.classes, [column.name for column in found.inputs]
    ('binary', ['no', 'yes'], ['x'])
    """
    wishes = _Wishes(label, time, group, ignore, task, positive)
    for name in wishes.named():
        require_column(name, frame.columns)
    if frame.height < FEWEST_ROWS:
        raise TooFewRows(
            f"the table has {frame.height} rows, at least {FEWEST_ROWS} are needed", hint="add rows"
        )
    found = {name: infer_type(frame[name]) for name in frame.columns}
    said: list[str] = []
    chosen, classes, label_type = _label(frame[label], found[label], wishes, said)
    types = {name: kind for name, kind in found.items() if kind is not None}
    types[label] = label_type
    types = _check_time(frame, types, wishes, said)
    ignored = _ignored(frame, types, wishes)
    inputs = [
        Column(name, kind, frame[name].null_count() > 0)
        for name, kind in types.items()
        if name != label and name not in ignored
    ]
    if not inputs:
        raise ColumnMissing(
            f"no column is left to predict {label!r} from",
            hint="ignore fewer columns, or add some to the data",
        )
    return Roles(
        task=chosen,
        label=label,
        positive=classes[1] if chosen == "binary" else None,
        classes=classes,
        time=time,
        group=group,
        ignored=ignored,
        inputs=inputs,
        types=types,
        assumed=said + _assumed(types, wishes),
        unknown=_unknown(chosen, wishes),
        warnings=_warnings(frame, inputs, types, label, classes),
    )


def require_column(name: str, columns: Sequence[str]) -> None:
    """Raise `ColumnMissing` with the nearest name unless a column is there."""
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
        listed = ", ".join(columns[:20])
        raise ColumnMissing(
            f"the data has no column {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"its columns are {listed}",
            column=name,
        )


def _label(
    values: pl.Series, kind: ColumnType | None, wishes: _Wishes, said: list[str]
) -> tuple[Task, list[ClassValue], ColumnType]:
    name = wishes.label
    if kind is None or kind == "timestamp":
        what = "is empty" if kind is None else "is a time"
        raise LabelUnusable(f"the label {name!r} {what}", hint="choose another --label", column=name)
    whole = convert(values, "integer")
    if kind == "number" and whole.null_count() == convert(values, "number").null_count():
        kind = "integer" if whole.n_unique() <= MOST_NUMERIC_CLASSES + 1 else kind
    typed = convert(values, kind).drop_nulls()
    distinct = sorted(typed.unique().to_list())
    if len(distinct) < 2:
        raise LabelUnusable(
            f"the label {name!r} has one value only: {distinct[0]!r}" if distinct else f"{name!r} is empty",
            hint="choose another --label",
            column=name,
        )
    task = wishes.task or _task(kind, len(distinct))
    if wishes.task is None:
        said.append(f"The task is {task}, because {name!r} {_why_task(task, kind, distinct)}.")
    if task == "regression":
        if kind in {"string", "boolean"}:
            raise LabelUnusable(f"{name!r} is {kind}, not a number", hint="leave out --task", column=name)
        return task, [], "number"
    _check_classes(name, task, len(distinct))
    if task == "multiclass":
        return task, list(distinct), kind
    return task, _binary_classes(typed, distinct, wishes, said), kind


def _check_classes(name: str, task: Task, count: int) -> None:
    if task == "binary" and count != 2:
        raise LabelUnusable(
            f"{name!r} has {count} values, a binary label has two", hint="leave out --task", column=name
        )
    if count > MOST_CLASSES:
        raise LabelUnusable(
            f"the label {name!r} has {count} values, at most {MOST_CLASSES} classes can be learned",
            hint="choose another --label, or --task regression if it is a number",
            column=name,
        )


def _task(kind: ColumnType, distinct: int) -> Task:
    if distinct == 2:
        return "binary"
    if kind == "string" or (kind == "integer" and distinct <= MOST_NUMERIC_CLASSES):
        return "multiclass"
    return "regression"


def _why_task(task: Task, kind: ColumnType, distinct: Sequence[object]) -> str:
    if task == "binary":
        return f"has two values ({distinct[0]!r} and {distinct[1]!r})"
    if task == "multiclass":
        hint = "; pass --task regression if they are quantities" if kind == "integer" else ""
        return f"has {len(distinct)} values{hint}"
    return f"is a number with {len(distinct)} values"


def _binary_classes(
    typed: pl.Series, distinct: list[ClassValue], wishes: _Wishes, said: list[str]
) -> list[ClassValue]:
    """Order the two classes: negative, then positive."""
    texts = [_text(value) for value in distinct]
    if wishes.positive is not None:
        if _text(wishes.positive) not in texts:
            raise LabelUnusable(
                f"the label has no value {wishes.positive!r}",
                hint=f"its values are {texts}",
                column=wishes.label,
            )
        positive = texts.index(_text(wishes.positive))
    elif named := [i for i, text in enumerate(texts) if text.lower() in POSITIVE_WORDS]:
        positive = named[0] if len(named) == 1 else texts.index(texts[named[-1]])
        said.append(f"{distinct[positive]!r} counts as positive.")
    else:
        counts = [int((typed == value).sum()) for value in distinct]
        positive = int(counts[1] <= counts[0])
        said.append(f"{distinct[positive]!r} counts as positive, because it is the rarer value.")
    return [distinct[1 - positive], distinct[positive]]


def _check_time(
    frame: pl.DataFrame, types: dict[str, ColumnType], wishes: _Wishes, said: list[str]
) -> dict[str, ColumnType]:
    if wishes.time is None:
        return types
    kind = types.get(wishes.time)
    if kind == "timestamp":
        return types
    if kind in {"integer", "number"}:
        said.append(
            f"The time {wishes.time!r} is a number: rows are ordered by it, and there are no checks by day."
        )
        return types
    parsed = convert(frame[wishes.time].cast(pl.String, strict=False), "timestamp")
    if parsed.null_count() == len(parsed):
        raise ColumnMissing(
            f"the values of {wishes.time!r} are not times, the first is {frame[wishes.time][0]!r}",
            hint="write times like 2024-01-05T10:00:00 or 2024-01-05",
            column=wishes.time,
        )
    return {**types, wishes.time: "timestamp"}


def _why_unreadable(values: pl.Series) -> str:
    if values.null_count() == len(values) or values.dtype.is_float():
        return "it is always empty"
    return f"values of type {values.dtype} cannot be features"


def _why_no_feature(frame: pl.DataFrame, name: str, kind: ColumnType) -> str | None:
    values = frame[name].drop_nulls()
    distinct = values.n_unique()
    if distinct == 1 and not frame[name].null_count():
        return f"it is always {str(values[0])[:40]!r}" if kind == "string" else f"it is always {values[0]}"
    if kind == "string" and distinct == len(values) and len(values) >= FEWEST_ROWS:
        return "every row has another value, like an identifier"
    if kind == "integer" and distinct == len(values) and _sounds_like_id(name, ID_WORDS | ROW_WORDS):
        return "it numbers the rows, like an identifier"
    if kind == "integer" and distinct > MOST_ID_LEVELS and _sounds_like_id(name, ID_WORDS):
        return f"its {distinct} numbers are names, like an identifier"
    return None


def _sounds_like_id(name: str, words: frozenset[str]) -> bool:
    parts = re.split(r"[-_ .]+", name.lower())
    return bool(words & set(parts)) or (len(name) > 2 and name[-2:] in {"Id", "ID"})


def _ignored(frame: pl.DataFrame, types: dict[str, ColumnType], wishes: _Wishes) -> dict[str, str]:
    """Give the reason for every column that is no feature."""
    ignored = dict.fromkeys(wishes.ignore, "you said so")
    for name in frame.columns:
        if name not in types:
            ignored.setdefault(name, _why_unreadable(frame[name]))
        elif name not in {wishes.label, wishes.time}:
            reason = _why_no_feature(frame, name, types[name])
            if reason is not None:
                ignored.setdefault(name, reason)
    if wishes.group is not None:
        ignored.setdefault(wishes.group, "it only groups rows")
    if wishes.time is not None and types[wishes.time] != "timestamp":
        ignored.setdefault(wishes.time, "it only orders rows")
    return ignored


def _assumed(types: dict[str, ColumnType], wishes: _Wishes) -> list[str]:
    said = []
    times = [name for name, kind in types.items() if kind == "timestamp"]
    if wishes.time is None and times:
        said.append(
            f"Rows are held out at random; pass --time {times[0]} to hold out the latest rows instead."
        )
    elif wishes.time is None and wishes.group is None:
        said.append("Rows do not depend on each other: they are held out at random.")
    return said


def _unknown(task: Task, wishes: _Wishes) -> list[str]:
    """Name what no table can tell."""
    said = [
        f"Whether each column is known at the moment {wishes.label!r} has to be predicted.",
        f"How long it takes until {wishes.label!r} is known (label_delay_days is 0).",
    ]
    if task == "binary":
        said.append("What a missed positive and a false alarm cost (the threshold weighs them alike).")
    elif task == "multiclass":
        said.append("Which mistakes between classes cost more than others.")
    else:
        said.append("What an error costs, and whether too high is worse than too low.")
    if wishes.group is None:
        said.append("Whether several rows belong to one person or thing (pass --group COLUMN if they do).")
    return said


def _warnings(
    frame: pl.DataFrame,
    inputs: list[Column],
    types: dict[str, ColumnType],
    label: str,
    classes: list[ClassValue],
) -> list[str]:
    known = frame.filter(pl.col(label).is_not_null())
    typed = pl.DataFrame([convert(known[c.name], c.type).alias(c.name) for c in inputs])
    findings = smell_label_copies(typed, inputs, convert(known[label], types[label]), classes)
    said = [finding.text for finding in findings]
    if classes:
        rarest = min(int((convert(known[label], types[label]) == value).sum()) for value in classes)
        if rarest < 50:
            said.append(f"The rarest value of {label!r} is in {rarest} rows only: expect wide intervals.")
    return said + _almost_numbers(frame, types)


def _almost_numbers(frame: pl.DataFrame, types: dict[str, ColumnType]) -> list[str]:
    """Name text columns that would be numbers but for a few values."""
    said = []
    for name in (name for name, kind in types.items() if kind == "string"):
        texts = frame[name].cast(pl.String).drop_nulls()
        wrong = texts.filter(texts.cast(pl.Float64, strict=False).is_null())
        if 0 < len(wrong) <= 0.05 * len(texts):
            said.append(
                f"{name!r} is text, because {len(wrong)} of its {len(texts)} values are no numbers,"
                f" for example {wrong[0]!r}."
            )
    return said


def _text(value: ClassValue) -> str:
    return convert(pl.Series([value]), "string")[0] if not isinstance(value, str) else value
