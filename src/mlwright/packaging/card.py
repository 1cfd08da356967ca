"""The human page of a package: what it is for, how good it is, what to be careful with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_SLICES = 5


@dataclass(frozen=True)
class CardFacts:
    """What the card says; JSON values as the recipe's steps made them."""

    name: str
    task: str
    kept: str
    metric: str
    evaluation: Mapping[str, object]
    ladder: object
    gates: object
    findings: object
    split: str
    columns: int
    training_rows: int
    full_rows: int | None = None
    """How many rows the model of the package learned, when it learned the held-out ones too."""


def write_card(facts: CardFacts) -> str:
    """Give the card as Markdown."""
    lines = [
        f"# {facts.name}",
        "",
        f"A {facts.kept} model ({facts.task}) of {facts.columns} columns, from {facts.training_rows:,} rows.",
        f"Held out: {facts.split}.",
        *_full(facts),
        "",
        "## How good it is",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
        *_metric_rows(facts.evaluation.get("metrics")),
        "",
        f"On the inner validation rows, by {facts.metric}:",
        "",
        *[
            f"- {item['name']}: {_number(item['value'])} {item['note']}".rstrip()
            for item in _items(facts.ladder)
        ],
        "",
        *_weak_slices(facts),
        "## Gates",
        "",
        *([f"- {item['gate']}: {item['answer']}" for item in _items(facts.gates)] or ["None are set."]),
        "",
        "## What was noticed in the data",
        "",
        *([f"- {item['severity']}: {item['text']}" for item in _items(facts.findings)] or ["Nothing."]),
        "",
        "## Limits",
        "",
        "The numbers hold for rows like the held-out ones. What changes after training is for the monitors",
        "to notice; what the data never contained, the model cannot know.",
        "",
    ]
    return "\n".join(lines)


def _full(facts: CardFacts) -> list[str]:
    if facts.full_rows is None:
        return []
    return [
        f"All numbers below are those of the model of {facts.training_rows:,} rows. After it was judged, the",
        f"same settings learned all {facts.full_rows:,} rows, and that is the model in this package.",
    ]


def _metric_rows(metrics: object) -> list[str]:
    if not isinstance(metrics, dict):
        return []
    return [
        f"| {name} | {_number(item['value'])} | {_number(item['low'])} – {_number(item['high'])} |"
        for name, item in metrics.items()
    ]


def _weak_slices(facts: CardFacts) -> list[str]:
    """Name the parts of the held-out rows on which the model is surely worse than on all of them."""
    weak = [item for item in _items(facts.evaluation.get("slices")) if item["is_weak"]][:MOST_SLICES]
    lines = [
        f"- {item['column']} = {item['value']} ({item['rows']} rows): {_number(item['metric'])}"
        f" [{_number(item['low'])}, {_number(item['high'])}]"
        for item in weak
    ]
    return [f"Where it is weaker, by {facts.metric}:", "", *lines, ""] if lines else []


def _items(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "unknown"
