"""The portfolio trainer: race, blend, calibration, threshold and refit, within one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, islice

import numpy as np

from mlwright.errors import TrainingError
from mlwright.training.blend import Blend, blend, nested_margins
from mlwright.training.boosted import BoostedLearner
from mlwright.training.budget import BudgetClock
from mlwright.training.calibration import calibrate_margins
from mlwright.training.effort import recall_effort, told_effort
from mlwright.training.forest import ForestLearner
from mlwright.training.ladder import build_ladder
from mlwright.training.learner import FAMILY_NAMES, Candidate, Family, Floats, Learner
from mlwright.training.linear import LinearLearner
from mlwright.training.network import NetworkLearner
from mlwright.training.pair_choice import choose_pairs
from mlwright.training.portfolio import LINEAR, RANKED, boosted_candidates, drawn_candidate
from mlwright.training.problem import Goal, Problem
from mlwright.training.race import Race
from mlwright.training.refit import full_plan, refit
from mlwright.training.sampler import RandomSampler, Sampler
from mlwright.training.score import LINKS, fold_metric, is_better, is_known, losses, predictions
from mlwright.training.threshold import choose_threshold
from mlwright.training.trainer import Calibration, Fitted, OutOfFold, Watch
from mlwright.training.unstable import told_unstable, unstable_candidates, without_unstable

FIRST_SHARE = 0.6  # of the seconds left for the first booster's folds: its refit has more rows and rounds
MARGIN = 1.2  # a candidate is tried when that many times its expected cost is left beside the refits
ONLY_BOOSTED: frozenset[Goal] = frozenset({"poisson"})  # the exponential of a line runs away
FAMILIES: Mapping[Goal, frozenset[Family]] = {
    "poisson": frozenset({"lightgbm"}),
    "rank": frozenset({"lightgbm"}),
}
"""Families that fit what is asked, where not all of them do."""
UNLIKELY: frozenset[Family] = frozenset({"forest"})
"""Families that seldom help: that one does not says nothing of candidates to come."""
MOST_CANDIDATES = 24
MOST_SKIPPED = 6  # candidates in turn that the seconds left do not allow
LOGARITHMS_COST = 3.0  # times the first booster's: sums of logarithms take more rounds
LOGARITHMIC: frozenset[Family] = frozenset({"lightgbm", "linear"})  # families that go on with them
FEWEST_TRIALS = 2  # the linear model and the first booster
PATIENCE = 4  # candidates in turn without a better blend end the search
WORTHWHILE = 5e-4  # share of the loss that counts as better


@dataclass(frozen=True)
class PortfolioTrainer:
    """Fits boosters, a forest, a network and a linear model; implements `Trainer`.

    Families without a learner are left out. `sampler` gives what draws candidates after the portfolio.
    """

    learners: Mapping[Family, Learner]
    sampler: Callable[[int], Sampler] = RandomSampler

    @classmethod
    def standard(cls) -> PortfolioTrainer:
        """Give the trainer of the default install."""
        return cls(
            {
                "lightgbm": BoostedLearner(),
                "forest": ForestLearner(),
                "network": NetworkLearner(),
                "linear": LinearLearner(),
            }
        )

    def fit(self, problem: Problem, clock: BudgetClock, watch: Watch) -> Fitted:
        """Search, choose and fit on all rows.

        Raises `TrainingError` when no candidate gives the metric on the validation rows.
        """
        effort = recall_effort(problem, clock, watch)
        problem = choose_pairs(effort.problem, clock, watch)
        race = Race(problem, self.learners, clock, watch, effort.most_rows)
        linear = race.run(LINEAR, seconds=math.inf, say=_voice(race, 0.0))
        left: list[OutOfFold] = []
        if effort.first is not None:
            first = race.run(effort.first, seconds=FIRST_SHARE * clock.left(), say=_voice(race, math.inf))
            race, left = _better_link(race, first)
            _search(race, effort.first, tried=2 + len(left), sampler=self.sampler)
        unstable = unstable_candidates(race.problem, race.tried)
        steady = without_unstable(race.mixable, unstable)
        chosen = blend(race.problem, steady) if steady else Blend({0: 1.0}, linear.margins)
        values = fold_metric(problem, linear.margins), fold_metric(race.problem, chosen.margins)
        if not np.isfinite(values).any():
            raise TrainingError(
                f"no model has a {problem.metric} on the validation rows",
                hint="look at the label: is there more than one class among the newest training rows?",
            )
        pool, found = steady or [linear], chosen
        is_steady = linear.candidate.name not in unstable
        if is_steady and is_better(problem.metric, *values) and problem.goal not in ONLY_BOOSTED:
            race = replace(race, problem=problem)
            pool, found = [linear], Blend({0: 1.0}, linear.margins)
        ladder = build_ladder(race.problem, (linear, values[0]), steady, chosen)
        calibration = calibrate_margins(race.problem, found.margins)
        score = _scores(race.problem, calibration.apply(found.margins))
        known = is_known(found.margins)
        threshold = None
        if problem.task == "binary":
            threshold = choose_threshold(problem.settings, problem.target[known], score[known])
        nested = fold_metric(race.problem, nested_margins(race.problem, pool))
        refit_seconds = clock.stopwatch()
        members, findings = refit(race, [(pool[place], weight) for place, weight in found.weights.items()])
        return Fitted(
            members,
            LINKS[race.problem.goal],
            calibration,
            threshold,
            ladder,
            (linear, *left, *(one for one in race.tried if one is not linear)),
            (*told_effort(effort, clock), *told_unstable(unstable), *findings),
            score,
            {
                **_facts(race.problem, pool, found, calibration, nested),
                "seeds": 1 + max(member.draw for member in members),
            },
            full_plan(race, members, findings, refit_seconds()),
        )


def _better_link(race: Race, first: OutOfFold) -> tuple[Race, list[OutOfFold]]:
    """Let the first booster add up logarithms of values that are skewed, and go on so if that is better.

    Gives the race to go on with, and what was tried and is left behind.
    """
    problem, clock = race.problem, race.clock
    target = problem.target
    is_skewed = problem.goal == "regression" and target.min() >= 0 and np.mean(target) > np.median(target)
    trials = clock.budget.trials
    is_open = clock.affords(LOGARITHMS_COST * (first.cpu_seconds + race.refit_seconds(first)))
    if not is_skewed or not is_open or (trials is not None and trials <= FEWEST_TRIALS):
        return race, []
    other = Race(replace(problem, is_logarithmic=True), race.learners, clock, race.watch, race.most_rows)
    other.matrices = race.matrices
    made = other.run(first.candidate, seconds=FIRST_SHARE * clock.left(), say=_voice(other, math.inf))
    if not _loss(other.problem, made.margins) < _loss(problem, first.margins) * (1 - WORTHWHILE):
        return race, [made]
    other.learners = {name: one for name, one in race.learners.items() if name in LOGARITHMIC}
    return other, [first]


def _search(race: Race, first: Candidate, *, tried: int, sampler: Callable[[int], Sampler]) -> None:
    """Run other candidates than the first while seconds or trials are left."""
    clock = race.clock
    most = MOST_CANDIDATES if clock.budget.trials is None else clock.budget.trials
    chosen, best, idle, skipped = *_blended(race), 0, 0
    families = FAMILIES.get(race.problem.goal, frozenset(race.learners))
    portfolio = boosted_candidates(families, is_ranked=race.problem.goal == "rank")
    for candidate in islice(chain(portfolio, _drawn(race, sampler)), most):
        if tried >= most or skipped >= MOST_SKIPPED:
            break
        if candidate == first:
            continue
        cost = race.expect(candidate)
        refits = cost.refit + sum(race.refit_seconds(race.mixable[place]) for place in chosen.weights)
        refits *= 1.0 + race.problem.full_reserve
        if not clock.affords(MARGIN * cost.folds + refits):
            skipped += 1
            continue
        race.run(candidate, seconds=clock.left() - refits, say=_voice(race, best))
        tried += 1
        chosen, loss = _blended(race)
        is_worth = loss < best * (1 - WORTHWHILE)
        idle, skipped = 0 if is_worth else idle + (candidate.family not in UNLIKELY), 0
        best = min(best, loss)
        if not clock.is_counting and idle >= PATIENCE:
            break


def _drawn(race: Race, sampler: Callable[[int], Sampler]) -> Iterator[Candidate]:
    """Give candidates of a sampler, which hears of every booster tried so far before it draws."""
    drawing, told = sampler(race.problem.seed), 0
    for number in count(1):
        for one in race.tried[told:]:
            if one.candidate.family == "lightgbm" and one.candidate != RANKED:
                drawing.tell(one.candidate.settings, _reached(race, one))
        told = len(race.tried)
        yield drawn_candidate(drawing, number)


def _reached(race: Race, one: OutOfFold) -> float:
    """Give the loss of a candidate; of one that was given up, from how much worse it was than the best."""
    problem = race.problem
    if not one.rejected:
        return _loss(problem, one.margins)
    best = min(race.complete, key=lambda other: _loss(problem, other.margins)).margins
    same = np.where(np.isfinite(one.margins), best, np.nan)
    return _loss(problem, best) + _loss(problem, one.margins) - _loss(problem, same)


def _blended(race: Race) -> tuple[Blend, float]:
    """Give the blend of the candidates so far, and its loss."""
    chosen = blend(race.problem, race.mixable)
    return chosen, _loss(race.problem, chosen.margins)


def _loss(problem: Problem, margins: Floats) -> float:
    rows = np.flatnonzero(is_known(margins))
    return float(np.average(losses(problem, rows, margins[rows]), weights=problem.weight[rows]))


def _voice(race: Race, best: float) -> Callable[[str], None]:
    clock = race.clock

    def say(text: str) -> None:
        done = len(race.tried) if clock.is_counting else clock.used() - clock.before
        whole = clock.budget.trials or clock.budget.seconds - clock.after.seconds - clock.before
        share = min(0.6, max(0.6 * done / max(whole, 1e-9), 0.0))
        parts = [text]
        if math.isfinite(best) and best:
            parts.append(f"best loss {best:.5g}")
        if not clock.is_counting:
            parts.append(f"{max(clock.left(), 0.0):.0f} s left")
        race.watch.move(share, ", ".join(parts))

    return say


def _scores(problem: Problem, margins: Floats) -> Floats:
    found = np.full_like(margins, np.nan)
    known = is_known(margins)
    found[known] = predictions(problem.goal, margins[known])
    return found


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
        "validated": int(is_known(found.margins).sum()),
        "calibration": {
            "slope": calibration.slope,
            "shift": calibration.shift,
            "corners": len(calibration.knots),
        },
        "folds": problem.folds.why,
    }
