"""Input counters against the cells of the training rows: an effect in understandable units, and evidence.

Numeric columns: shift of the mean normal score, in sigma. Levels and nulls: change of a share, in points.
The tolerance lies inside the null, so a large window cannot alarm about nothing. A ticket, never a page.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

from mlwright import native
from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.outcomes import Outcome
from mlwright.monitoring.reference import Reference
from mlwright.monitoring.segments import Cursor, cursor_from, read_pieces
from mlwright.project import MonitorConfig

if TYPE_CHECKING:
    from mlwright.evaluation import Answer

FEWEST_ROWS = 1_000
SIGNIFICANCE = 1e-4  # per look over all columns; effects below the tolerance never count
TOLERATED_POINTS = 0.02


@dataclass(frozen=True)
class Drift:
    """How far one column moved; `evidence` is a z-value beyond the tolerance."""

    column: str
    what: str
    effect: float
    unit: str
    evidence: float


class WindowLog:
    """Adds up the server's counter windows of one version."""

    def __init__(self, log: Path, deployment: str, *, since_us: int = 0) -> None:
        self._folder = log / deployment
        self._cursor: Cursor = cursor_from(self._folder, since_us)
        self._cells: dict[int, dict[str, Counter[int]]] = {}

    def advance(self) -> None:
        """Read the windows that were added."""
        for versions, cells in read_pieces(self._folder, self._cursor, _read_windows):
            for version, text in zip(versions, cells, strict=True):
                self._add(int(version), json.loads(text))

    def cells(self, version: int) -> dict[str, list[int]]:
        """Give the sums per column of a version."""
        columns = self._cells.get(version, {})
        return {
            name: [counts[index] for index in range(max(counts, default=-1) + 1)]
            for name, counts in columns.items()
        }

    def _add(self, version: int, columns: Mapping[str, Sequence[int]]) -> None:
        sums = self._cells.setdefault(version, {})
        for name, counts in columns.items():
            column = sums.setdefault(name, Counter())
            for index, count in enumerate(counts):
                column[index] += count


class DriftDetector:
    """Watches the inputs of one version through the server's counters."""

    def __init__(
        self,
        name: str,
        config: MonitorConfig,
        reference: Reference,
        count: Callable[[], Mapping[str, Sequence[int]]],
    ) -> None:
        self.name = name
        self._config = config
        self._reference = reference
        self._count = count

    def observe(self, outcome: Outcome) -> None:
        """Pass over: inputs are counted by the server."""

    def judge(self) -> Judgement:
        """Answer now."""
        return judge_drift(self.name, self._config, self._reference, self._count())


def judge_drift(
    name: str, config: MonitorConfig, reference: Reference, cells: Mapping[str, Sequence[int]]
) -> Judgement:
    """Compare what was served with what was learned from."""
    rows = max((sum(counts) for counts in cells.values()), default=0)
    if not reference.columns:
        return Judgement(name, "inconclusive", "ticket", "the package has no reference cells")
    if rows < FEWEST_ROWS:
        summary = f"{rows} rows counted so far, at least {FEWEST_ROWS} are needed"
        return Judgement(name, "inconclusive", "ticket", summary, {"rows": rows})
    found = [
        drift
        for column in reference.columns
        if (counts := cells.get(str(column["name"]))) is not None
        for drift in _measure(column, counts, config.tolerance_sigma)
    ]
    limit = NormalDist().inv_cdf(1 - SIGNIFICANCE / (2 * max(len(found), 1)))
    drifted = sorted((drift for drift in found if drift.evidence > limit), key=lambda drift: -drift.evidence)
    verdict: Answer = "fail" if drifted else "pass"
    summary = (
        "; ".join(f"{item.column} {item.what} {item.effect:+.2g} {item.unit}" for item in drifted[:3])
        or f"no column moved beyond the tolerance in {rows} rows"
    )
    evidence: dict[str, object] = {
        "rows": rows,
        "limit": limit,
        "columns": [item.__dict__ for item in (drifted or sorted(found, key=lambda d: -d.evidence))[:10]],
    }
    return Judgement(name, verdict, "ticket", summary, evidence)


def normal_scores(counts: Sequence[float]) -> list[float]:
    """Give each cell the normal score of its middle, centred and scaled over `counts`.

    >>> [round(score, 3) for score in normal_scores([1, 1])]
    [-1.0, 1.0]
    """
    total = sum(counts)
    below, raw = 0.0, []
    for count in counts:
        middle = (below + count / 2) / total
        raw.append(NormalDist().inv_cdf(min(max(middle, 1e-9), 1 - 1e-9)))
        below += count
    mean = sum(score * count for score, count in zip(raw, counts, strict=True)) / total
    variance = sum((score - mean) ** 2 * count for score, count in zip(raw, counts, strict=True)) / total
    return [(score - mean) / math.sqrt(variance) if variance > 0 else 0.0 for score in raw]


def _measure(column: Mapping[str, object], counts: Sequence[int], tolerance: float) -> list[Drift]:
    reference = column["counts"]
    assert isinstance(reference, list)
    name = str(column["name"])
    seen = [*counts, *[0] * (len(reference) - len(counts))][: len(reference)]
    found = _measure_shares(name, column, (reference, seen))
    if column["kind"] == "number":
        location = _measure_location(name, (reference[:-1], seen[:-1]), tolerance)
        found = [*found, location] if location is not None else found
    return found


def _measure_location(
    name: str, cells: tuple[Sequence[float], Sequence[float]], tolerance: float
) -> Drift | None:
    reference, seen = cells
    rows_reference, rows_seen = sum(reference), sum(seen)
    if rows_reference < 2 or rows_seen < 2:
        return None
    scores = normal_scores(reference)
    effect = sum(score * count for score, count in zip(scores, seen, strict=True)) / rows_seen
    spread = math.sqrt(1 / rows_reference + 1 / rows_seen)
    return Drift(name, "mean", effect, "sigma", (abs(effect) - tolerance) / spread)


def _measure_shares(
    name: str, column: Mapping[str, object], cells: tuple[Sequence[float], Sequence[float]]
) -> list[Drift]:
    reference, seen = cells
    rows_reference, rows_seen = sum(reference), sum(seen)
    if not rows_reference or not rows_seen:
        return []
    is_number = column["kind"] == "number"
    levels = column.get("levels")
    names = [] if is_number or not isinstance(levels, list) else [*levels, "other", "unseen"]
    wanted = [(len(reference) - 1, "nulls")]
    wanted += [(index, f"share of {level!r}") for index, level in enumerate(names)]
    found = []
    for index, what in wanted:
        if index >= len(reference):
            continue
        before, now = reference[index] / rows_reference, seen[index] / rows_seen
        pooled = (reference[index] + seen[index]) / (rows_reference + rows_seen)
        spread = math.sqrt(
            max(pooled * (1 - pooled), 1 / rows_reference) * (1 / rows_reference + 1 / rows_seen)
        )
        effect = now - before
        found.append(Drift(name, what, 100 * effect, "points", (abs(effect) - TOLERATED_POINTS) / spread))
    return found


def _read_windows(folder: str, cursor: Cursor) -> tuple[tuple[list[int], list[str]], Cursor]:
    columns, moved = native.read_windows(folder, cursor)
    return (columns["version"], columns["cells"]), moved
