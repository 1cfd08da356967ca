"""Fabricated outcomes of one version, as if its labels arrived one after another."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mlwright.monitoring import Outcome, Reference, Stream

STREAM = Stream("champion", "fraud", 1, None, 1.0, "assigned")
BINARY = Reference(
    task="binary",
    classes=(0, 1),
    positive=1,
    quality={"positives": 2_000, "missed": 400, "negatives": 98_000, "false_alarms": 980},
    columns=(),
)


def outcome(
    row: int, prediction: float, label: object, *, is_first: bool = True, version: int = 1
) -> Outcome:
    stream = STREAM._replace(version=version)
    return Outcome(f"{row:026x}", row, "label", label, stream, prediction, row, is_first)


def labels(
    rng: random.Random,
    count: int,
    *,
    missed: float = 0.2,
    false_alarms: float = 0.01,
    positives: float = 0.02,
) -> Iterator[Outcome]:
    for row in range(count):
        if rng.random() < positives:
            yield outcome(row, float(rng.random() >= missed), 1)
        else:
            yield outcome(row, float(rng.random() < false_alarms), 0)
