"""Join labels and events with the predictions they belong to, as they arrive, without data frames.

The control loop lives for months in little memory: it keeps 19 bytes per prediction, in arrays addressed by
the counter inside the prediction id, and no inputs.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mlwright.monitoring.segments import Cursor, cursor_from, read_feedback, read_pieces, read_predictions

NONCE_DIGITS = 16
FEEDBACK = "_feedback"
MOST_STREAMS = 65_535
MOST_GAP = 1_000_000  # ids of one process are dense; a larger hole starts a new array


class Stream(NamedTuple):
    """What predictions have in common that were served under the same conditions."""

    variant: str
    model: str
    version: int
    rollout: int | None
    propensity: float
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A label or an event that met its prediction."""

    id: str
    time_us: int
    kind: Literal["label", "event"]
    value: object
    stream: Stream
    prediction: float
    unit: int
    is_first: bool


@dataclass(frozen=True)
class Arrivals:
    """What came since the last look, outcomes in the order of their arrival."""

    served: dict[Stream, int]
    outcomes: list[Outcome]
    unmatched: int = 0


@dataclass
class _Counters:
    """The predictions of one server process, by the counter in their ids."""

    first: int
    streams: array[int]
    predictions: array[float]
    units: array[int]
    labelled: bytearray

    def add(self, counter: int, stream: int, prediction: float, unit: int) -> None:
        at = counter - self.first
        missing = at + 1 - len(self.streams)
        if missing > 0:
            self.streams.extend([MOST_STREAMS] * missing)
            self.predictions.extend([0.0] * missing)
            self.units.extend([0] * missing)
            self.labelled.extend(bytes(missing))
        self.streams[at] = stream
        self.predictions[at] = prediction
        self.units[at] = unit


class OutcomeLog:
    """Follows one deployment's predictions and their feedback from a time on."""

    def __init__(self, log: Path, deployment: str, *, since_us: int = 0) -> None:
        self._served = log / deployment
        self._feedback = log / FEEDBACK
        self._since_us = since_us
        self._served_cursor: Cursor = cursor_from(self._served, since_us)
        self._feedback_cursor: Cursor = cursor_from(self._feedback, since_us)
        self._counters: dict[str, list[_Counters]] = {}
        self._streams: list[Stream] = []
        self._codes: dict[tuple[Any, ...], int] = {}

    def advance(self) -> Arrivals:
        """Read what is new.

        Feedback is read before predictions: every prediction that it answers is then in the log.
        """
        feedback = [
            entry
            for ids, times, kinds, values in read_pieces(self._feedback, self._feedback_cursor, read_feedback)
            for entry in zip(ids, times, kinds, values, strict=True)
        ]
        served: Counter[Stream] = Counter()
        for batch in read_pieces(self._served, self._served_cursor, read_predictions):
            served.update(self._remember(batch))
        feedback.sort(key=lambda entry: entry[1])
        outcomes = [self._match(*entry) for entry in feedback]
        found = [outcome for outcome in outcomes if outcome is not None]
        return Arrivals(dict(served), found, unmatched=len(outcomes) - len(found))

    def _remember(self, batch: Mapping[str, Sequence[Any]]) -> Counter[Stream]:
        counted: Counter[int] = Counter()
        facts = zip(*(batch[name] for name in Stream._fields), strict=True)
        rows = zip(batch["id"], batch["time_us"], batch["prediction"], batch["unit"], facts, strict=True)
        for row_id, time_us, prediction, unit, conditions in rows:
            if time_us < self._since_us:
                continue
            code = self._codes.get(conditions)
            if code is None:
                code = self._code(conditions)
            nonce, counter = row_id[:NONCE_DIGITS], int(row_id[NONCE_DIGITS:], 16)
            self._array(nonce, counter).add(counter, code, prediction, hash(unit or row_id))
            counted[code] += 1
        return Counter({self._streams[code]: count for code, count in counted.items()})

    def _code(self, conditions: tuple[Any, ...]) -> int:
        variant, model, version, rollout, propensity, reason = conditions
        stream = Stream(variant, model, int(version), rollout or None, round(float(propensity), 9), reason)
        if stream not in self._streams:
            self._streams.append(stream)
        code = self._codes[conditions] = self._streams.index(stream)
        return code

    def _array(self, nonce: str, counter: int) -> _Counters:
        arrays = self._counters.setdefault(nonce, [])
        for counters in arrays:
            if counters.first <= counter < counters.first + len(counters.streams) + MOST_GAP:
                return counters
        arrays.append(_Counters(counter, array("H"), array("d"), array("q"), bytearray()))
        return arrays[-1]

    def _match(self, row_id: str, time_us: int, kind: str, value: str) -> Outcome | None:
        counter = int(row_id[NONCE_DIGITS:], 16)
        for counters in self._counters.get(row_id[:NONCE_DIGITS], ()):
            at = counter - counters.first
            if 0 <= at < len(counters.streams) and counters.streams[at] != MOST_STREAMS:
                break
        else:
            return None
        is_label = kind == "label"
        is_first = is_label and not counters.labelled[at]
        if is_label:
            counters.labelled[at] = 1
        return Outcome(
            row_id,
            time_us,
            "label" if is_label else "event",
            json.loads(value),
            self._streams[counters.streams[at]],
            counters.predictions[at],
            counters.units[at],
            is_first,
        )
