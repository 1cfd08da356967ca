"""Infer what a table is about: types, task, classes, and which columns cannot be features."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Required, TypedDict, Unpack

import polars as pl

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.column_type import convert, convert_columns, infer_types, mixes_zones
from mlwright.data.count_label import looks_like_count
from mlwright.data.leakage import smell_label_copies
from mlwright.data.role_inference import (
    Guess,
    guess_group,
    guess_label_time,
    guess_sensitive,
    guess_time,
    guess_weight,
    maybe_weights,
)
from mlwright.data.text_column import is_free_text
from mlwright.errors import ColumnMissing, ConfigError, LabelUnusable, TimeUnusable, TooFewRows, UsageError
from mlwright.project import Task

NOTHING = "none"  # as a wish: no column has this role, do not guess one
MOST_CLASSES = 100
MOST_NUMERIC_CLASSES = 10
FEWEST_ROWS = 20
FEWEST_TO_HOLD_OUT = 50
FEWEST_OF_A_CLASS = 10
OWN_NAMES = frozenset({"__type_errors", "__day", "__row"})  # columns that mlwright adds for a while
MOST_ID_LEVELS = 255  # more numbers than a tree could tell apart as names
ID_WORDS = frozenset({"id", "ids", "uuid", "guid"})
ROW_WORDS = frozenset({"", "index", "idx", "key", "row", "no", "nr", "number"})
FEWEST_UNITS = 4  # groups that can be divided into rows to train, to choose and to judge by
MOST_LABEL = 1e30  # squares of larger numbers leave what a tree can sum
POSITIVE_WORDS = ("1", "true", "yes", "y", "t", "positive", "pos", "fraud", "bad", "churn", "default")


@dataclass(frozen=True)
class Roles:
    """What was found, what had to be assumed for it, and what cannot be seen in a table.

    `classes` are JSON values, negative before positive when binary, empty for a regression. `types` has
    every column that can be read, `inputs` those a model reads, `text` the ones of them that hold sentences,
    `ignored` the reason for each other one, `guessed` the reason for each role that nobody asked for.
    """

    task: Task
    label: str
    positive: ClassValue | None
    classes: list[ClassValue]
    time: str | None
    group: str | None
    ignored: dict[str, str]
    inputs: list[Column]
    weight: str | None = None
    id: str | None = None
    label_time: str | None = None
    sensitive: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    is_count: bool = False
    guessed: dict[str, str] = field(default_factory=dict)
    types: dict[str, ColumnType] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class WishedRoles(TypedDict, total=False):
    """What `infer_roles` takes, as in `Wishes`; what is not said is guessed."""

    label: Required[str]
    time: str | None
    group: str | None
    ignore: Sequence[str]
    task: Task | None
    positive: ClassValue | None
    weight: str | None
    id: str | None
    label_time: str | None
    sensitive: Sequence[str]


@dataclass(frozen=True)
class Wishes:
    """What a person says of a table: a column for a role, "none" for no column, None to have it guessed."""

    label: str
    time: str | None = None
    group: str | None = None
    ignore: Sequence[str] = ()
    task: Task | None = None
    positive: ClassValue | None = None
    weight: str | None = None
    id: str | None = None
    label_time: str | None = None
    sensitive: Sequence[str] = ()

    def named(self) -> list[str]:
        """Name all columns that are spoken of."""
        alone = (self.label, self.time, self.group, self.weight, self.id, self.label_time)
        return [name for name in (*alone, *self.ignore, *self.sensitive) if name not in (None, NOTHING)]


@dataclass(frozen=True)
class _Chosen:
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    id: str | None = None
    label_time: str | None = None
    sensitive: tuple[str, ...] = ()
    guessed: dict[str, str] = field(default_factory=dict)


def infer_roles(frame: pl.DataFrame, **wished: Unpack[WishedRoles]) -> Roles:
    """Find types, roles and task; what is wished goes before what is guessed.

    Raises `ColumnMissing` for a wish that names no column, `LabelUnusable`, `TimeUnusable`, `TooFewRows`, and
    `ConfigError` for weights that are none.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [i % 9 for i in range(60)], "won": ["no", "yes", "no"] * 20})
    >>> found = infer_roles(frame, label="won")
    >>> found.task, found.classes, [column.name for column in found.inputs]
    ('binary', ['no', 'yes'], ['x'])
    """
    wishes = Wishes(**wished)
    for name in wishes.named():
        require_column(name, frame.columns)
    _check_names(frame)
    _check_rows(frame)
    found = infer_types(frame)
    said: list[str] = []
    task, classes, label_type = _label(frame[wishes.label], found[wishes.label], wishes, said)
    types = {name: kind for name, kind in found.items() if kind is not None}
    types[wishes.label] = label_type
    types = _check_times(frame, types, wishes, said)
    chosen = _choose(frame, types, wishes)
    ignored = _ignored(frame, types, wishes, chosen)
    inputs = [
        Column(name, kind, frame[name].null_count() > 0)
        for name, kind in types.items()
        if name != wishes.label and name not in ignored
    ]
    if not inputs:
        raise ColumnMissing(
            f"no column is left to predict {wishes.label!r} from",
            hint="ignore fewer columns, or add some to the data",
        )
    return Roles(
        task=task,
        label=wishes.label,
        positive=classes[1] if task == "binary" else None,
        classes=classes,
        **chosen.__dict__,
        ignored=ignored,
        inputs=inputs,
        text=tuple(c.name for c in inputs if c.type == "string" and is_free_text(frame[c.name])),
        is_count=task == "regression" and looks_like_count(frame[wishes.label], may_be_class=False),
        types=types,
        assumed=said + _assumed(types, chosen),
        unknown=_unknown(task, types, wishes, chosen),
        warnings=_warnings(frame, inputs, types, wishes.label, classes, group=chosen.group),
    )


def _check_names(frame: pl.DataFrame) -> None:
    if taken := sorted(OWN_NAMES & set(frame.columns)):
        raise UsageError(f"the name {taken[0]!r} is mlwright's own", hint="rename that column")


def _check_rows(frame: pl.DataFrame) -> None:
    if frame.height < FEWEST_ROWS:
        found = f"has {frame.height} rows" if frame.height else "has a header and no rows"
        raise TooFewRows(f"the table {found}, at least {FEWEST_ROWS} are needed", hint="add rows")


def _choose(frame: pl.DataFrame, types: dict[str, ColumnType], wishes: Wishes) -> _Chosen:
    """Settle every role, by wish or by guess."""
    taken = wishes.named()
    guessed: dict[str, str] = {}

    def settle(wish: str | None, guess: Callable[[], Guess | None]) -> str | None:
        if wish is not None:
            return None if wish == NOTHING and NOTHING not in frame.columns else wish
        found = guess()
        if found is None:
            return None
        guessed[found.column] = found.reason
        taken.append(found.column)
        return found.column

    time = settle(wishes.time, lambda: guess_time(frame, types, taken))
    group = settle(wishes.group, lambda: None if time else guess_group(frame, types, taken))
    weight = settle(wishes.weight, lambda: guess_weight(frame, types, taken))
    label_time = settle(
        wishes.label_time,
        lambda: guess_label_time(frame, types, time=time, label=wishes.label, taken=taken),
    )
    if label_time is not None and time is None:
        raise UsageError("--label-time needs the time of the rows too", hint="pass --time COLUMN")
    if weight is not None:
        _check_weight(frame[weight])
    if group is not None:
        _check_group(frame[group])
    key = settle(wishes.id, lambda: _guess_id(frame, types, taken))
    return _Chosen(time, group, weight, key, label_time, _sensitive(frame, types, wishes, guessed), guessed)


def _check_group(values: pl.Series) -> None:
    units = values.drop_nulls().n_unique() + values.null_count()
    if units < FEWEST_UNITS:
        raise ConfigError(
            f"the group {values.name!r} has {units} values, to hold some out takes {FEWEST_UNITS}",
            hint="choose another --group, or pass --group none",
            column=values.name,
        )


def _sensitive(
    frame: pl.DataFrame, types: dict[str, ColumnType], wishes: Wishes, guessed: dict[str, str]
) -> tuple[str, ...]:
    if wishes.sensitive:
        return tuple(name for name in wishes.sensitive if name != NOTHING or NOTHING in frame.columns)
    found = guess_sensitive(frame, types, [wishes.label, *wishes.ignore])
    guessed.update(dict.fromkeys(found, "results are compared between its values, for its name"))
    return found


def _guess_id(frame: pl.DataFrame, types: dict[str, ColumnType], taken: Sequence[str]) -> Guess | None:
    for name, kind in types.items():
        is_named = kind in {"string", "integer"} and _sounds_like_id(name, ID_WORDS)
        if is_named and name not in taken and frame[name].n_unique() == frame.height:
            return Guess(name, "every row has another value, and it is named like an identifier")
    return None


def _check_weight(values: pl.Series) -> None:
    numbers = convert(values, "number")
    lowest = numbers.min()
    if numbers.null_count() or not isinstance(lowest, float) or lowest < 0 or not numbers.is_finite().all():
        raise ConfigError(
            f"the weights in {values.name!r} must be numbers from 0 up, one in every row",
            hint="mend that column, choose another --weight, or pass --weight none",
            column=values.name,
        )


def require_column(name: str, columns: Sequence[str]) -> None:
    """Raise `ColumnMissing` with the nearest name unless a column is there."""
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
        listed = ", ".join(columns[:20])
        raise ColumnMissing(
            f"the data has no column {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"its columns are {listed or 'none'}",
            column=name,
        )


def _label(
    values: pl.Series, kind: ColumnType | None, wishes: Wishes, said: list[str]
) -> tuple[Task, list[ClassValue], ColumnType]:
    name = wishes.label
    if kind is None or kind == "timestamp":
        is_empty = values.null_count() == len(values) or values.dtype.is_float()
        what = "is a time" if kind else "is empty" if is_empty else f"holds values of type {values.dtype}"
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
    if wishes.task is None and task == "multiclass" and looks_like_count(values, may_be_class=True):
        task = "regression"
    if wishes.task is None:
        said.append(f"The task is {task}, because {name!r} {_why_task(task, kind, distinct)}.")
    if task == "regression":
        if kind in {"string", "boolean"}:
            raise LabelUnusable(f"{name!r} is {kind}, not a number", hint="leave out --task", column=name)
        check_sizes(convert(values, "number"))
        return task, [], "number"
    _check_classes(name, task, len(distinct))
    if task == "multiclass":
        return task, list(distinct), kind
    return task, _binary_classes(typed, distinct, wishes, said), kind


def check_sizes(label: pl.Series) -> None:
    """Raise `LabelUnusable` for numbers whose squares cannot be summed; those without an end do not count."""
    largest = label.filter(label.is_finite()).abs().max()
    if isinstance(largest, float) and largest > MOST_LABEL:
        raise LabelUnusable(
            f"the label {label.name!r} reaches {largest:.3g}, at most {MOST_LABEL:g} can be learned",
            hint="give it in a larger unit, or predict its logarithm",
            column=label.name,
        )


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
    typed: pl.Series, distinct: list[ClassValue], wishes: Wishes, said: list[str]
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


def _check_times(
    frame: pl.DataFrame, types: dict[str, ColumnType], wishes: Wishes, said: list[str]
) -> dict[str, ColumnType]:
    """Give the types with those of the wished times, which must be times or numbers."""
    found = dict(types)
    for name in (wishes.time, wishes.label_time):
        if name is None or (name == NOTHING and NOTHING not in frame.columns):
            continue
        kind = types.get(name)
        if kind in {"integer", "number"}:
            if name == wishes.time:
                said.append(
                    f"The time {name!r} is a number: rows are ordered by it, and there are no checks by day."
                )
        elif kind != "timestamp":
            found[name] = _check_time(frame[name])
    return found


def _check_time(values: pl.Series) -> ColumnType:
    texts = values.cast(pl.String, strict=False)
    if mixes_zones(texts.drop_nulls()):
        raise TimeUnusable(
            f"some times of {values.name!r} name a zone and others do not",
            hint="write all of them with a zone, or none of them (then they are UTC)",
            column=values.name,
        )
    parsed = convert(texts, "timestamp")
    if parsed.null_count() == len(parsed):
        raise TimeUnusable(
            f"the values of {values.name!r} are not times, the first is {values[0]!r}",
            hint="write times like 2024-01-05T10:00:00 or 2024-01-05",
            column=values.name,
        )
    return "timestamp"


def _why_unreadable(values: pl.Series) -> str:
    if values.null_count() == len(values) or values.dtype.is_float():
        return "it is always empty"
    return f"values of type {values.dtype} cannot be features"


def _why_no_feature(values: pl.Series, kind: ColumnType, distinct: int, nulls: int) -> str | None:
    name, given = values.name, len(values) - nulls
    if distinct == 1 and not nulls:
        return f"it is always {str(values[0])[:40]!r}" if kind == "string" else f"it is always {values[0]}"
    if kind == "string" and distinct == given and given >= FEWEST_ROWS and not is_free_text(values):
        return "every row has another value, like an identifier"
    if kind == "integer" and distinct == given and _sounds_like_id(name, ID_WORDS | ROW_WORDS):
        return "it numbers the rows, like an identifier"
    if kind == "integer" and distinct > MOST_ID_LEVELS and _sounds_like_id(name, ID_WORDS):
        return f"its {distinct} numbers are names, like an identifier"
    return None


def _sounds_like_id(name: str, words: frozenset[str]) -> bool:
    parts = re.split(r"[-_ .]+", name.lower())
    return bool(words & set(parts)) or (len(name) > 2 and name[-2:] in {"Id", "ID"})


def _distinct(frame: pl.DataFrame, types: Mapping[str, ColumnType]) -> dict[str, int]:
    """Count distinct values, where numbers or moments are more than one as 2: to count those takes long."""
    counted = [name for name, kind in types.items() if kind in {"string", "integer"}]
    others = [name for name in types if name not in set(counted)]
    found: dict[str, int] = {}
    if counted:
        found.update(frame.select(pl.col(counted).drop_nulls().n_unique()).row(0, named=True))
    if others:
        is_one = frame.select((pl.col(others) == pl.col(others).first()).all()).row(0)
        found.update((name, 1 if one else 2) for name, one in zip(others, is_one, strict=True))
    return found


def _ignored(
    frame: pl.DataFrame, types: dict[str, ColumnType], wishes: Wishes, chosen: _Chosen
) -> dict[str, str]:
    """Give the reason for every column that is no feature."""
    ignored = dict.fromkeys(wishes.ignore, "you said so")
    nulls = dict(zip(frame.columns, frame.null_count().row(0), strict=True))
    distinct = _distinct(frame, types)
    for name in frame.columns:
        if not name:
            ignored.setdefault(name, "it has no name")
        elif name not in types:
            ignored.setdefault(name, _why_unreadable(frame[name]))
        elif name not in {wishes.label, chosen.time}:
            reason = _why_no_feature(frame[name], types[name], distinct[name], nulls[name])
            if reason is not None:
                ignored.setdefault(name, reason)
    is_order = chosen.time is not None and types[chosen.time] != "timestamp"
    for column, reason in (
        (chosen.group, "it only groups rows"),
        (chosen.weight, "it says how much a row counts"),
        (chosen.label_time, "it says when the label became known"),
        (chosen.id, "it names rows"),
        (chosen.time if is_order else None, "it only orders rows"),
    ):
        if column is not None:
            ignored.setdefault(column, reason)
    return ignored


def _assumed(types: dict[str, ColumnType], chosen: _Chosen) -> list[str]:
    words = (
        (chosen.time, "the time of a row", "--time"),
        (chosen.group, "what rows belong to", "--group"),
        (chosen.weight, "the weight of a row", "--weight"),
        (chosen.label_time, "when the label became known", "--label-time"),
        (chosen.id, "the name of a row", "--id"),
    )
    said = [
        f"{name!r} is {what}: {chosen.guessed[name]} ({flag} none if not)."
        for name, what, flag in words
        if name is not None and name in chosen.guessed
    ]
    said += [
        f"{name!r} is sensitive: {chosen.guessed[name]} (--sensitive none if not)."
        for name in chosen.sensitive
        if name in chosen.guessed
    ]
    times = [name for name, kind in types.items() if kind == "timestamp"]
    if chosen.time is None and times:
        said.append(
            f"Rows are held out at random; pass --time {times[0]} to hold out the latest rows instead."
        )
    elif chosen.time is None and chosen.group is None:
        said.append("Rows do not depend on each other: they are held out at random.")
    return said


def _unknown(task: Task, types: dict[str, ColumnType], wishes: Wishes, chosen: _Chosen) -> list[str]:
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
    taken = [wishes.label, *(name for name in chosen.__dict__.values() if isinstance(name, str))]
    said += [
        f"Whether {name!r} says how much a row counts (pass --weight {name} if it does)."
        for name in maybe_weights(types, taken)
    ]
    if chosen.group is None:
        said.append("Whether several rows belong to one person or thing (pass --group COLUMN if they do).")
    return said


def _warnings(
    frame: pl.DataFrame,
    inputs: list[Column],
    types: dict[str, ColumnType],
    label: str,
    classes: list[ClassValue],
    *,
    group: str | None,
) -> list[str]:
    known = frame.filter(pl.col(label).is_not_null())
    if known[label].dtype.is_float():
        known = known.filter(pl.col(label).is_finite())
    typed = convert_columns(known, {column.name: column.type for column in inputs})
    findings = smell_label_copies(typed, inputs, convert(known[label], types[label]), classes)
    said = [finding.text for finding in findings]
    if frame.height < FEWEST_TO_HOLD_OUT:
        said.append(
            f"{frame.height} rows are very few, as a run holds some out: bring {FEWEST_TO_HOLD_OUT} or more."
        )
    if group is not None and known[group].n_unique() == known.height:
        said.append(f"Every row has a {group!r} of its own: as a group it changes nothing.")
    if classes:
        rarest = min(int((convert(known[label], types[label]) == value).sum()) for value in classes)
        if rarest < FEWEST_OF_A_CLASS:
            said.append(
                f"The rarest value of {label!r} is in {rarest} rows only: too few to learn and judge by."
            )
        elif rarest < 50:
            said.append(f"The rarest value of {label!r} is in {rarest} rows only: expect wide intervals.")
        said += _spellings(classes, label)
    return said


def _spellings(classes: Sequence[ClassValue], label: str) -> list[str]:
    """Name classes that one person would write for the same."""
    known: dict[str, str] = {}
    said = []
    for value in classes:
        if isinstance(value, str):
            other = known.setdefault(" ".join(value.lower().split()), value)
            if other != value:
                said.append(f"{other!r} and {value!r} are two values of {label!r}: are they meant to be one?")
    return said


def _text(value: ClassValue) -> str:
    return convert(pl.Series([value]), "string")[0] if not isinstance(value, str) else value
