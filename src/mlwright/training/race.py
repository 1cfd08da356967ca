"""Candidates in turn through the folds; one that is surely worse is not fitted on the rest of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mlwright.store import digest_json
from mlwright.training.budget import BudgetClock
from mlwright.training.cost import Cost, Pace
from mlwright.training.encoding import FoldMatrices
from mlwright.training.learner import Candidate, Family, FitTask, Floats, Learner, Matrix
from mlwright.training.problem import Problem
from mlwright.training.score import gain_and_error, is_known, losses
from mlwright.training.trainer import OutOfFold, Watch

SURELY = 2.0  # standard errors by which a candidate that is given up is worse
RELEVANT = 0.02  # and the share of the leader's loss: a little worse may still help a blend
RELEVANT_SQUARED = 0.1  # the same for a squared error


@dataclass
class Race:
    """The candidates tried so far, the matrices of the folds, and the leader."""

    problem: Problem
    learners: Mapping[Family, Learner]
    clock: BudgetClock
    watch: Watch
    most_rows: int | None = None
    tried: list[OutOfFold] = field(default_factory=list)
    matrices: FoldMatrices = field(init=False)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.matrices = FoldMatrices(self.problem, self.most_rows)
        self.pace = Pace(self.problem, self.most_rows, self.clock.slowness)

    @property
    def complete(self) -> list[OutOfFold]:
        """Give the candidates that went through all folds."""
        return [one for one in self.tried if not one.rejected]

    @property
    def mixable(self) -> list[OutOfFold]:
        """Give those of them that may stand in a blend: a line runs away where later rows leave the range."""
        return [one for one in self.complete if one.candidate.family != "linear"]

    def expect(self, candidate: Candidate) -> Cost:
        """Guess what a candidate would cost, from what others did."""
        return self.pace.expect(candidate, after_rows=self.clock.after.rows)

    def refit_seconds(self, one: OutOfFold) -> float:
        """Guess what a candidate costs once it is chosen, from what its folds did."""
        return self.pace.refit(one, after_rows=self.clock.after.rows)

    def run(self, candidate: Candidate, *, seconds: float, say: Callable[[str], None]) -> OutOfFold:
        """Take a candidate through the folds within its seconds."""
        folds = self.problem.folds.folds
        shape = (
            (self.problem.frame.height,)
            if self.problem.task != "multiclass"
            else (self.problem.frame.height, self.problem.classes)
        )
        margins = np.full(shape, np.nan)
        parts: list[_FoldResult] = []
        used, rejected = 0.0, ""
        for number, fold in enumerate(folds):
            say(f"{candidate.name}, fold {number + 1} of {len(folds)}")
            share = (seconds - used) / (len(folds) - number)
            found = self._fit(candidate, number, share)
            margins[fold.valid] = found.margins
            parts.append(found)
            used += found.seconds
            if number + 1 < len(folds) and self._is_beaten(candidate, margins):
                rejected = f"surely worse after {number + 1} of {len(folds)} folds"
                break
        done = OutOfFold(
            candidate,
            margins,
            tuple(part.rounds for part in parts),
            tuple(part.grown for part in parts),
            used,
            rejected,
            sum(part.fit_seconds for part in parts),
            sum(part.answer_seconds for part in parts),
        )
        self.tried.append(done)
        self.pace.learn(done)
        return done

    def _fit(self, candidate: Candidate, number: int, seconds: float) -> _FoldResult:
        key = self._key(candidate, number)
        kept = self.watch.recall(key)
        if kept is not None:
            found = _FoldResult.read(kept)
            self.clock.count_earlier(found.seconds)
            return found
        watch = self.clock.stopwatch()
        made = self.matrices.of(number, candidate.encoding)
        seed = seed_of(self.problem.seed, candidate.name, number)
        task = replace(
            _task(self.problem, made.train, seed), valid=made.valid, tick=self.clock.deadline(seconds)
        )
        encoded = watch()
        model = self.learners[candidate.family].fit(candidate, task)
        fitted = watch()
        margins, answered = model.margins(made.valid.values), watch()
        found = _FoldResult(margins, model.rounds, model.grown, answered, fitted - encoded, answered - fitted)
        self.watch.remember(key, found.to_bytes())
        return found

    def _key(self, candidate: Candidate, number: int) -> str:
        """Name a fold of a candidate for a later start, which may have planned other folds or rows."""
        fold = self.problem.folds.folds[number]
        plan = [dict(candidate.settings), len(fold.train), len(fold.valid), self.most_rows, fold.known_at]
        plan.append(self.problem.goal)
        return f"{candidate.name}/{digest_json(plan)[:8]}/{int(fold.valid[0])}"

    def _is_beaten(self, candidate: Candidate, margins: Floats) -> bool:
        """Tell whether the leader is surely better; the first of its family never is, unless a forest."""
        is_first = not any(one.candidate.family == candidate.family for one in self.complete)
        if is_first and candidate.family != "forest":
            return False
        own = self._losses(margins)
        best = min(
            (self._losses(one.margins) for one in self.complete),
            key=lambda values: float(np.nanmean(np.where(np.isnan(own), np.nan, values))),
        )
        relevant = RELEVANT_SQUARED if self.problem.task == "regression" else RELEVANT
        mean, error = gain_and_error(self.problem, own - best)
        return mean > SURELY * error and mean > relevant * float(np.nanmean(best))

    def _losses(self, margins: Floats) -> Floats:
        found = np.full(len(margins), np.nan)
        known = np.flatnonzero(is_known(margins))
        found[known] = losses(self.problem, known, margins[known])
        return found


def seed_of(seed: int, name: str, fold: int) -> int:
    """Give a fit its own seed, the same in every run.

    >>> seed_of(7, "lgb-31", 0) == seed_of(7, "lgb-31", 0) != seed_of(7, "lgb-31", 1)
    True
    """
    return int(digest_json([seed, name, fold])[:7], 16)


def last_task(
    problem: Problem, candidate: Candidate, train: Matrix, rounds: int, tick: Callable[[int], bool]
) -> FitTask:
    """Give what a member is fitted on at last, for rounds that are known."""
    seed = seed_of(problem.seed, candidate.name, -1)
    return replace(_task(problem, train, seed), rounds=rounds, tick=tick)


def _task(problem: Problem, train: Matrix, seed: int) -> FitTask:
    return FitTask(
        train,
        None,
        problem.task,
        problem.classes,
        seed,
        None,
        lambda _: False,
        problem.goal == "poisson",
        problem.is_logarithmic,
        problem.goal == "rank",
    )


@dataclass(frozen=True)
class _FoldResult:
    margins: Floats
    rounds: int
    grown: int
    seconds: float
    fit_seconds: float
    answer_seconds: float

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        numbers = [self.rounds, self.grown, self.seconds, self.fit_seconds, self.answer_seconds]
        np.savez(buffer, margins=self.margins, numbers=np.array(numbers))
        return buffer.getvalue()

    @classmethod
    def read(cls, data: bytes) -> _FoldResult:
        with np.load(io.BytesIO(data)) as arrays:
            rounds, grown, *seconds = arrays["numbers"].tolist()
            return cls(arrays["margins"], int(rounds), int(grown), *seconds)
