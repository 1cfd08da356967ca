"""The Trainer port: from a problem to fitted members that become one package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np

from mlwright.data import Finding
from mlwright.features import TransformDocument
from mlwright.training.budget import BudgetClock
from mlwright.training.full_plan import FullPlan
from mlwright.training.learner import Candidate, FittedModel, Floats
from mlwright.training.problem import Problem

Link: TypeAlias = Literal["identity", "sigmoid", "softmax", "exp"]


@dataclass(frozen=True)
class Rung:
    """One model of the ladder, judged by the metric on the validation rows of the folds."""

    name: str
    value: float
    cpu_seconds: float
    note: str = ""


@dataclass(frozen=True)
class OutOfFold:
    """What a candidate said of rows that it had not seen; NaN where it was not asked.

    Of its `cpu_seconds` it took `fit_seconds` to fit and `answer_seconds` to answer; the rest is encoding.
    """

    candidate: Candidate
    margins: Floats
    rounds: tuple[int, ...]
    grown: tuple[int, ...]
    cpu_seconds: float
    rejected: str = ""
    fit_seconds: float = 0.0
    answer_seconds: float = 0.0


@dataclass(frozen=True)
class Member:
    """A fitted model of a blend, with the transform that it reads; `draw` numbers those of one candidate."""

    candidate: Candidate
    weight: float
    model: FittedModel
    transform: TransformDocument
    draw: int = 0


@dataclass(frozen=True)
class Calibration:
    """A straight line through margins, which comes before the link, or one with corners.

    With corners, margins become the heights of the pieces between them; before the first corner and behind
    the last, the line goes on with a slope of 1.
    """

    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def apply(self, margins: Floats) -> Floats:
        """Give calibrated margins.

        >>> Calibration(knots=(0.0, 2.0), values=(0.0, 1.0)).apply(np.array([-1.0, 1.0, 3.0])).tolist()
        [-1.0, 0.5, 2.0]
        """
        if not self.knots:
            return self.slope * margins + self.shift
        knots, heights = np.array(self.knots), np.array(self.values)
        slopes = np.r_[1.0, np.diff(heights) / np.diff(knots), 1.0]
        piece = np.searchsorted(knots, margins, side="left")
        corner = np.maximum(piece - 1, 0)
        return np.asarray(heights[corner] + (margins - knots[corner]) * slopes[piece], dtype=np.float64)


@dataclass(frozen=True)
class Fitted:
    """What a trainer gives: the weighted sum of members, a calibration, a link, and how it came to them."""

    members: tuple[Member, ...]
    link: Link
    calibration: Calibration
    threshold: float | None
    ladder: tuple[Rung, ...]
    tried: tuple[OutOfFold, ...]
    findings: tuple[Finding, ...]
    score: Floats
    """Calibrated predictions of rows by models that had not seen them, NaN where there are none."""
    facts: Mapping[str, object] = field(default_factory=dict)
    full_plan: FullPlan | None = None
    """How to learn the held-out rows too; None when that is not wanted, or not what was judged."""


class Watch(Protocol):
    """Tells progress, and keeps what a killed run had reached."""

    def move(self, share: float, text: str) -> None:
        """Say how far it is, 0..1."""
        ...

    def recall(self, key: str) -> bytes | None:
        """Give what was remembered under a key by an earlier start of the same run."""
        ...

    def remember(self, key: str, data: bytes) -> None:
        """Keep something for a later start of the same run."""
        ...


class Trainer(Protocol):
    """Fits a model.

    The same problem gives the same `Fitted` when candidates are counted instead of seconds. A trainer keeps
    nothing between calls, is called from one thread, and raises `TrainingError` when nothing can be fitted.
    """

    def fit(self, problem: Problem, clock: BudgetClock, watch: Watch) -> Fitted:
        """Fit within the budget."""
        ...
