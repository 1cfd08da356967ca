"""The portfolio trainer: race, blend, calibration, threshold and refit, within one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mlwright.errors import TrainingError
from mlwright.evaluation import metric_value
from mlwright.training.blend import Blend, blend, nested_margins
from mlwright.training.boosted import BoostedLearner
from mlwright.training.budget import BudgetClock
from mlwright.training.calibration import calibrate_margins
from mlwright.training.learner import FAMILY_NAMES, Family, Floats, Learner
from mlwright.training.linear import LinearLearner
from mlwright.training.portfolio import LINEAR, boosted_candidates
from mlwright.training.problem import Problem
from mlwright.training.race import Race, refit_seconds
from mlwright.training.refit import refit
from mlwright.training.score import LINKS, fold_metric, is_better, is_known, predictions, row_losses
from mlwright.training.threshold import choose_threshold
from mlwright.training.trainer import Calibration, Fitted, OutOfFold, Rung, Watch

FIRST_SHARE = 0.4  # of the budget for the first booster's folds: its refit has more rows and more rounds
MARGIN = 1.3  # a candidate is tried when that many times the usual cost is left beside the refit
MOST_CANDIDATES = 24
PATIENCE = 2  # candidates in turn without a better blend end the search
WORTHWHILE = 5e-4  # share of the loss that counts as better


@dataclass(frozen=True)
class PortfolioTrainer:
    """Fits boosters and a linear model; implements `Trainer`. Families without a learner are left out."""

    learners: Mapping[Family, Learner]

    @classmethod
    def standard(cls) -> PortfolioTrainer:
        """Give the trainer of the default install."""
        return cls({"lightgbm": BoostedLearner(), "linear": LinearLearner()})

    def fit(self, problem: Problem, clock: BudgetClock, watch: Watch) -> Fitted:
        """Search, choose and fit on all rows.

        Raises `TrainingError` when no candidate gives the metric on the validation rows.
        """
        race = Race(problem, self.learners, clock, watch)
        _search(race)
        boosters = [one for one in race.complete if one.candidate.family != "linear"]
        linear = next(one for one in race.complete if one.candidate.family == "linear")
        chosen = blend(problem, boosters)
        values = [fold_metric(problem, margins) for margins in (linear.margins, chosen.margins)]
        if not np.isfinite(values).any():
            raise TrainingError(
                f"no model has a {problem.metric} on the validation rows",
                hint="look at the label: is there more than one class among the newest training rows?",
            )
        is_linear = is_better(problem.metric, values[0], values[1])
        pool = [linear] if is_linear else boosters
        found = Blend({0: 1.0}, linear.margins) if is_linear else chosen
        calibration = calibrate_margins(problem, found.margins)
        score = _scores(problem, calibration.apply(found.margins))
        known = is_known(found.margins)
        threshold = None
        if problem.task == "binary":
            threshold = choose_threshold(problem.settings, problem.target[known], score[known])
        members, findings = refit(
            problem,
            {pool[place].candidate.name: (pool[place], weight) for place, weight in found.weights.items()},
            self.learners,
            clock,
            watch,
        )
        nested = fold_metric(problem, nested_margins(problem, pool))
        return Fitted(
            members,
            LINKS[problem.task],
            calibration,
            threshold,
            _ladder(problem, linear, boosters, chosen),
            tuple(race.tried),
            findings,
            score,
            _facts(problem, pool, found, calibration, nested),
        )


def _search(race: Race) -> None:
    """Run the linear model, the first booster, and others while seconds or trials are left."""
    clock, problem = race.clock, race.problem
    trials = clock.budget.trials
    race.run(LINEAR, seconds=math.inf, say=_voice(race, 0.0))
    best, idle = math.inf, 0
    most = MOST_CANDIDATES if trials is None else max(trials - 1, 1)
    for number, candidate in enumerate(islice(boosted_candidates(problem.seed, race.learners.keys()), most)):
        seconds = FIRST_SHARE * clock.left()
        if number:
            reserve, seconds = _room(race)
            if not clock.affords(reserve):
                break
            if trials is None and idle >= PATIENCE:
                break
        race.run(candidate, seconds=seconds, say=_voice(race, best))
        loss = _blend_loss(race)
        idle = 0 if loss < best * (1 - WORTHWHILE) else idle + 1
        best = min(best, loss)


def _room(race: Race) -> tuple[float, float]:
    """Give the seconds that another candidate and the refit of a blend with it need, and its own."""
    boosters = [one for one in race.complete if one.candidate.family != "linear"]
    chosen = blend(race.problem, boosters)
    refits = [refit_seconds(boosters[place], race.problem) for place in chosen.weights]
    cost = float(np.mean([one.cpu_seconds for one in boosters]))
    another = float(np.mean([refit_seconds(one, race.problem) for one in boosters]))
    own = race.clock.left() - sum(refits) - another
    return MARGIN * cost + sum(refits) + another, own


def _blend_loss(race: Race) -> float:
    boosters = [one for one in race.complete if one.candidate.family != "linear"]
    margins = blend(race.problem, boosters).margins
    rows = np.flatnonzero(is_known(margins))
    losses = row_losses(race.problem.task, race.problem.target[rows], margins[rows])
    return float(np.average(losses, weights=race.problem.weight[rows]))


def _voice(race: Race, best: float) -> Callable[[str], None]:
    clock = race.clock

    def say(text: str) -> None:
        share = (
            0.0
            if clock.budget.trials is not None
            else min(0.6, 0.6 * clock.used() / max(clock.budget.seconds, 1e-9))
        )
        parts = [text]
        if math.isfinite(best) and best:
            parts.append(f"best loss {best:.5g}")
        if clock.budget.trials is None:
            parts.append(f"{max(clock.left(), 0.0):.0f} s left")
        race.watch.move(share, ", ".join(parts))

    return say


def _scores(problem: Problem, margins: Floats) -> Floats:
    found = np.full_like(margins, np.nan)
    known = is_known(margins)
    found[known] = predictions(problem.task, margins[known])
    return found


def _ladder(
    problem: Problem, linear: OutOfFold, boosters: list[OutOfFold], chosen: Blend
) -> tuple[Rung, ...]:
    values = [fold_metric(problem, one.margins) for one in boosters]
    place = 0
    for other, value in enumerate(values):
        if is_better(problem.metric, value, values[place]):
            place = other
    best = boosters[place]
    rungs = [
        Rung("constant", _constant(problem), 0.0),
        Rung("linear", fold_metric(problem, linear.margins), linear.cpu_seconds),
        Rung(
            FAMILY_NAMES[best.candidate.family],
            values[place],
            best.cpu_seconds,
            f"{best.candidate.name}, {round(float(np.mean(best.rounds)))} rounds",
        ),
    ]
    if len(chosen.weights) > 1:
        names = ", ".join(f"{w:.2f} {boosters[p].candidate.name}" for p, w in chosen.weights.items())
        seconds = sum(one.cpu_seconds for one in boosters)
        rungs.append(Rung("blend", fold_metric(problem, chosen.margins), seconds, names))
    return tuple(rungs)


def _constant(problem: Problem) -> float:
    values = []
    for fold in problem.folds.folds:
        train, valid = problem.target[fold.train], problem.target[fold.valid]
        if problem.task == "multiclass":
            shares = np.bincount(train.astype(np.int64), minlength=problem.classes) / len(train)
            scores = np.tile(shares, (len(valid), 1))
        else:
            scores = np.full(len(valid), float(train.mean()))
        values.append(metric_value(problem.metric, valid, scores))
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _facts(
    problem: Problem, pool: list[OutOfFold], found: Blend, calibration: Calibration, nested: float
) -> dict[str, object]:
    value = fold_metric(problem, found.margins)
    kept = [pool[place].candidate for place in found.weights]
    return {
        "kept": FAMILY_NAMES[kept[0].family] if len(kept) == 1 else "blend",
        "members": {pool[place].candidate.name: weight for place, weight in found.weights.items()},
        "rounds": int(sum(np.mean(pool[place].rounds) for place in found.weights)),
        "value": value,
        "nested": nested,
        "optimism": value - nested if np.isfinite(nested) else None,
        "calibration": {"slope": calibration.slope, "shift": calibration.shift},
        "folds": problem.folds.why,
    }
