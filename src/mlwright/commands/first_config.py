"""The text of a new `mlwright.toml`: every value that was assumed says so beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mlwright.project import Task

Template: TypeAlias = Literal["fraud", "tabular"]
FEWEST_HELD_OUT = 12  # a run asks for 10, and shares are rounded
RARE = 0.1  # share of positives below which ranking the few positives matters


@dataclass(frozen=True)
class FirstChoices:
    """What `init` found and chose; `shares` are those of the classes, in their order.

    `unordered` is the NDCG of lists without any order, where the order within them is to be learned.
    """

    name: str
    task: Task
    template: Template
    source: tuple[str, ...] = ()
    sql: str | None = None
    label: str = ""
    positive: str | int | float | bool | None = None
    shares: tuple[float, ...] = ()
    rows: int = 0
    time: str | None = None
    group: str | None = None
    query: str | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)
    weight: str | None = None
    id: str | None = None
    label_time: str | None = None
    sensitive: tuple[str, ...] = ()
    guessed: Mapping[str, str] = field(default_factory=dict)
    delay_days: float = 0.0
    unit: str | None = None
    is_count: bool = False
    unordered: float | None = None
    given: frozenset[str] = frozenset()

    @property
    def test_share(self) -> float:
        """Choose the share of rows to hold out: a fifth, or as many as a run needs of a small table.

        >>> FirstChoices("a", "binary", "tabular", rows=40).test_share
        0.3
        """
        steps = -(-FEWEST_HELD_OUT * 20 // max(self.rows, 2 * FEWEST_HELD_OUT))
        return max(0.2, steps / 20)

    @property
    def metric(self) -> str:
        """Choose the metric that decides between models."""
        match self.task:
            case "binary":
                return "average_precision" if self.shares[-1] < RARE else "auc"
            case "multiclass":
                return "log_loss"
            case "regression" if self.unordered is not None:
                return "ndcg"
            case "regression":
                return "poisson_deviance" if self.is_count else "rmse"

    @property
    def gate(self) -> tuple[str, float, str]:
        """Choose the gate's metric and its bound, with the reason: better than knowing nothing."""
        match self.task:
            case "binary" if self.shares[-1] < RARE:
                rate = self.shares[-1]
                return (
                    "average_precision",
                    _rounded(2 * rate),
                    f"twice what chance gives ({rate:.2%} positives)",
                )
            case "binary":
                return "auc", 0.6, "chance gives 0.5"
            case "multiclass":
                share = max(self.shares)
                return "accuracy", _rounded(share), "what always saying the commonest class gives"
            case "regression" if self.unordered is not None:
                return "ndcg", _rounded(self.unordered), "what no order at all gives"
            case "regression":
                return "r2", 0.0, "what always saying the mean gives"


def first_config(chosen: FirstChoices) -> str:
    """Write the settings of a project with data."""
    parts = [_project(chosen), _data(chosen), _training(chosen), _gate(chosen), _watching(chosen)]
    return "\n".join([*parts, _deployment(chosen), _serving()])


def empty_config(name: str, task: Task) -> str:
    """Write the settings of a project for imported models."""
    project = f"""\
# A project for models that were trained elsewhere: `mlwright model import FILE --name {name}`.
# Every key is explained in docs/reference/config.md; `mlwright config show` prints values and origins.

[project]
name = {_text(name)}
task = {_text(task)}
"""
    deployment = f"""\
[deployment.production]
target = "local"
model = {_text(name + "@champion")}
"""
    return "\n".join([project, deployment, _serving()])


def _project(chosen: FirstChoices) -> str:
    task = _line("task", _text(chosen.task), None if "task" in chosen.given else "assumed from the label")
    return f"""\
# Every key is explained in docs/reference/config.md; `mlwright config show` prints values and origins.
# Lines marked "assumed" were not asked for: look at them once.

[project]
name = {_text(chosen.name)}
{task}
template = {_text(chosen.template)}
"""


def _data(chosen: FirstChoices) -> str:
    names = [_text(name) for name in chosen.source]
    lines = [
        "[data]",
        _line("source", names[0] if len(names) == 1 else f"[{', '.join(names)}]"),
        *([] if chosen.sql is None else [_line("sql", _text(chosen.sql))]),
        _line("label", _text(chosen.label)),
    ]
    if chosen.task == "binary":
        comment = None if "positive" in chosen.given else "assumed; the other value is negative"
        lines.append(_line("positive", _text(chosen.positive), comment))
    lines += _roles(chosen)
    lines += [*_ignore(chosen.ignored), _split(chosen)]
    delay = "assumed; days until a label is known: the gap between training and held-out rows"
    lines.append(_line("label_delay_days", str(float(chosen.delay_days)), delay))
    if chosen.template == "fraud":
        comment = "a served row without a label yet is no fraud so far"
        lines.append(_line("unlabelled", '"negative"', comment))
    else:
        lines.append(_line("unlabelled", '"drop"', "served rows without a label yet are not learned from"))
    lines.append(_line("on_bad_day", '"quarantine"', "days that break contract.json are left out"))
    return "\n".join(lines) + "\n"


def _roles(chosen: FirstChoices) -> list[str]:
    """Write which column has which role; a guess says its reason."""
    words = (
        ("time", chosen.time, None),
        ("group", chosen.group, "its rows stay on one side of a split by it"),
        ("query", chosen.query, "names the list in which a row is ranked"),
        ("weight", chosen.weight, "how much a row counts"),
        ("id", chosen.id, "names rows, never a feature"),
        ("label_time", chosen.label_time, "when the label became known"),
    )
    lines = [
        _line(key, _text(name), f"assumed: {chosen.guessed[name]}" if name in chosen.guessed else comment)
        for key, name, comment in words
        if name is not None
    ]
    if chosen.sensitive:
        names = ", ".join(_text(name) for name in chosen.sensitive)
        is_guess = any(name in chosen.guessed for name in chosen.sensitive)
        comment = "results are compared between their values"
        lines.append(_line("sensitive", f"[{names}]", f"assumed; {comment}" if is_guess else comment))
    return lines


def _ignore(ignored: Mapping[str, str]) -> list[str]:
    if not ignored:
        return [_line("ignore", "[]", "columns that are never features")]
    items = [f"  {_text(name)},{_comment(reason)}" for name, reason in ignored.items()]
    return ["ignore = [  # never features", *items, "]"]


def _split(chosen: FirstChoices) -> str:
    by, why = "random", "assumed: rows do not depend on each other"
    if chosen.time is not None:
        by, why = chosen.time, "the latest rows are held out"
    elif chosen.group is not None:
        by, why = chosen.group, "whole groups are held out"
    return _line("split", f"{{ by = {_text(by)}, test_share = {chosen.test_share} }}", why)


def _training(chosen: FirstChoices) -> str:
    lines = [
        "[training]",
        _line("trainer", '"portfolio"', "boosters and a linear model, raced and blended"),
        _line("budget_cpu_s", "60.0"),
        _line("seed", "7"),
        _line("metric", _text(chosen.metric), "assumed; decides between models"),
    ]
    if chosen.unordered is not None:
        comment = 'assumed: rows are ordered within their lists; "squared" to learn the label itself'
        lines.append(_line("objective", '"rank"', comment))
    elif chosen.is_count:
        lines.append(_line("objective", '"poisson"', 'assumed: the label counts; "squared" if it does not'))
    if chosen.task == "binary" and chosen.template == "fraud":
        lines.append(_line("threshold", '"best_f1"', "assumed: a missed fraud and a false alarm weigh alike"))
    elif chosen.task == "binary":
        lines.append(_line("threshold", "0.5", "assumed: both kinds of mistakes cost the same"))
    return "\n".join(lines) + "\n"


def _gate(chosen: FirstChoices) -> str:
    metric, bound, why = chosen.gate
    return f"""\
[gates.quality]
metric = {_text(metric)}
{_line("at_least", repr(bound), f"assumed: {why}")}
no_worse_than = "champion"
{_line("tolerance", "0.01", "how much worse than the champion still counts as no worse")}
"""


def _watching(chosen: FirstChoices) -> str:
    alert = """\
[triggers.quality]
on = "alert"
monitor = "quality"
cooldown_minutes = 60.0

"""
    return f"""\
[monitors.quality]
{_line("kind", '"quality"', "errors on labelled predictions; can start a run")}
{_line("false_alarms_per", "100000", "labels between two false alarms, on average, at least")}
{_line("tolerance", "1.25", "error rate over the one at evaluation that is tolerated")}

[monitors.drift]
{_line("kind", '"drift"', "inputs against those of training; only tells")}

{alert if chosen.template == "fraud" else ""}\
[triggers.weekly]
on = "clock"
every_hours = 168.0
"""


def _deployment(chosen: FirstChoices) -> str:
    lines = ["[deployment.production]", 'target = "local"', _line("model", _text(f"{chosen.name}@champion"))]
    if chosen.unit is not None:
        assumed = None if chosen.unit == chosen.group else "assumed: its rows stay on one variant"
        lines.append(_line("unit", _text(chosen.unit), assumed))
    lines.append("rollout = { steps = [5, 25, 50], hold_minutes = 10, min_requests = 500, min_labels = 50 }")
    return "\n".join(lines) + "\n"


def _serving() -> str:
    return """\
[serving]
host = "127.0.0.1"
port = 8080
"""


def _line(key: str, value: str, comment: str | None = None) -> str:
    return f"{key} = {value}{_comment(comment)}"


def _comment(text: str | None) -> str:
    return "" if text is None else "  # " + " ".join(text.split())


def _text(value: object) -> str:
    """Write a value as TOML; JSON's texts are TOML's but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
