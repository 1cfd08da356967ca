"""Candidates in turn through the folds; one that is surely worse is not fitted on the rest of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mlwright.store import digest_json
from mlwright.training.budget import BudgetClock
from mlwright.training.encoding import FoldMatrices
from mlwright.training.learner import Candidate, Family, FitTask, Floats, Learner
from mlwright.training.problem import Problem
from mlwright.training.score import gain_and_error, is_known, row_losses
from mlwright.training.trainer import OutOfFold, Watch

SURELY = 2.0  # standard errors by which a candidate that is given up is worse
RELEVANT = 0.02  # and the share of the leader's loss: a little worse may still help a blend
RELEVANT_SQUARED = 0.1  # the same for a squared error
REFIT_GROWTH = 1.15  # all rows take more rounds than the folds had: 1.15 times their mean, and 5
REFIT_EXTRA = 5


@dataclass
class Race:
    """The candidates tried so far, the matrices of the folds, and the leader."""

    problem: Problem
    learners: Mapping[Family, Learner]
    clock: BudgetClock
    watch: Watch
    tried: list[OutOfFold] = field(default_factory=list)
    matrices: FoldMatrices = field(init=False)

    def __post_init__(self) -> None:
        self.matrices = FoldMatrices(self.problem)

    @property
    def complete(self) -> list[OutOfFold]:
        """Give the candidates that went through all folds."""
        return [one for one in self.tried if not one.rejected]

    def run(self, candidate: Candidate, *, seconds: float, say: Callable[[str], None]) -> OutOfFold:
        """Take a candidate through the folds within its seconds."""
        folds = self.problem.folds.folds
        shape = (
            (self.problem.frame.height,)
            if self.problem.task != "multiclass"
            else (self.problem.frame.height, self.problem.classes)
        )
        margins = np.full(shape, np.nan)
        rounds, grown, used, rejected = [], [], 0.0, ""
        for number, fold in enumerate(folds):
            say(f"{candidate.name}, fold {number + 1} of {len(folds)}")
            share = (seconds - used) / (len(folds) - number)
            found = self._fit(candidate, number, share)
            margins[fold.valid] = found.margins
            rounds.append(found.rounds)
            grown.append(found.grown)
            used += found.seconds
            if number + 1 < len(folds) and self._is_beaten(candidate, margins):
                rejected = f"surely worse after {number + 1} of {len(folds)} folds"
                break
        done = OutOfFold(candidate, margins, tuple(rounds), tuple(grown), used, rejected)
        self.tried.append(done)
        return done

    def _fit(self, candidate: Candidate, number: int, seconds: float) -> _FoldResult:
        key = f"{candidate.name}/{digest_json(dict(candidate.settings))[:8]}/{number}"
        kept = self.watch.recall(key)
        if kept is not None:
            found = _FoldResult.read(kept)
            self.clock.count_earlier(found.seconds)
            return found
        watch = self.clock.stopwatch()
        made = self.matrices.of(number, candidate.encoding)
        task = FitTask(
            made.train,
            made.valid,
            self.problem.task,
            self.problem.classes,
            seed_of(self.problem.seed, candidate.name, number),
            None,
            self.clock.deadline(seconds),
        )
        model = self.learners[candidate.family].fit(candidate, task)
        found = _FoldResult(model.margins(made.valid.values), model.rounds, model.grown, watch())
        self.watch.remember(key, found.to_bytes())
        return found

    def _is_beaten(self, candidate: Candidate, margins: Floats) -> bool:
        """Tell whether the leader is surely better; the first of its family never is beaten."""
        if not any(one.candidate.family == candidate.family for one in self.complete):
            return False
        losses = self._losses(margins)
        best = min(
            (self._losses(one.margins) for one in self.complete),
            key=lambda values: float(np.nanmean(np.where(np.isnan(losses), np.nan, values))),
        )
        relevant = RELEVANT_SQUARED if self.problem.task == "regression" else RELEVANT
        mean, error = gain_and_error(self.problem, losses - best)
        return mean > SURELY * error and mean > relevant * float(np.nanmean(best))

    def _losses(self, margins: Floats) -> Floats:
        losses = np.full(len(margins), np.nan)
        known = is_known(margins)
        losses[known] = row_losses(self.problem.task, self.problem.target[known], margins[known])
        return losses


def seed_of(seed: int, name: str, fold: int) -> int:
    """Give a fit its own seed, the same in every run.

    >>> seed_of(7, "lgb-31", 0) == seed_of(7, "lgb-31", 0) != seed_of(7, "lgb-31", 1)
    True
    """
    return int(digest_json([seed, name, fold])[:7], 16)


def refit_rounds(one: OutOfFold) -> int:
    """Give the rounds on all rows that correspond to those of the folds."""
    return round(REFIT_GROWTH * float(np.mean(one.rounds))) + REFIT_EXTRA


def refit_seconds(one: OutOfFold, problem: Problem) -> float:
    """Guess what the fit on all rows costs, from what the folds did."""
    rows = sum(len(fold.train) for fold in problem.folds.folds[: len(one.grown)])
    work = sum(one.grown) * rows / max(len(one.grown), 1)
    if not work:
        return 0.0
    return one.cpu_seconds * refit_rounds(one) * problem.frame.height / work


@dataclass(frozen=True)
class _FoldResult:
    margins: Floats
    rounds: int
    grown: int
    seconds: float

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, margins=self.margins, numbers=np.array([self.rounds, self.grown, self.seconds]))
        return buffer.getvalue()

    @classmethod
    def read(cls, data: bytes) -> _FoldResult:
        with np.load(io.BytesIO(data)) as arrays:
            rounds, grown, seconds = arrays["numbers"]
            return cls(arrays["margins"], int(rounds), int(grown), float(seconds))
