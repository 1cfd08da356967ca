"""What a budget allows: all folds and rows and a low rate, or fewer folds, a higher rate, and a sample."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from mlwright.data import Finding, Folds
from mlwright.training.budget import OVERRUN, BudgetClock
from mlwright.training.cost import answer_seconds, guess_cost
from mlwright.training.learner import Candidate
from mlwright.training.portfolio import BOOSTED, quick_candidate
from mlwright.training.problem import Problem
from mlwright.training.trainer import Watch

SHARE = 0.7  # of the seconds left that the first booster may take, refit included
LOWEST_RATE, HIGHEST_RATE = 0.08, 0.25
RATE_ROUNDS = 14.0  # rate times rounds of a booster that is good enough to be the only one
FEWEST_ROWS = 10_000  # more cost less than a worse model
HASTY_RATE = 0.5  # for many classes, each round of which has as many trees
FEWEST_OF_CLASSES = 3_000
FEWEST_COLUMNS = 250


@dataclass(frozen=True)
class Effort:
    """The problem with the folds that are used, how many rows of a fold are, and the first booster if any."""

    problem: Problem
    first: Candidate | None
    most_rows: int | None = None


def plan_effort(problem: Problem, clock: BudgetClock) -> Effort:
    """Choose the first of these that the seconds left allow; the last is taken whatever it costs.

    The portfolio's first booster; a quick one; a quick one on a single fold; those on fewer columns of a wide
    table; that on a sample of the rows. Of many classes each round has as many trees: where they cost more
    than a budget may be over, the linear model is all there is.
    """
    plain = Effort(problem, BOOSTED[0])
    if clock.is_counting:
        return plain
    seconds = SHARE * clock.left() / clock.slowness
    if _seconds(problem, BOOSTED[0], clock) <= seconds:
        return plain
    narrow = problem
    while True:
        single = _single(narrow)
        for asked in (narrow, single):
            for rate in (LOWEST_RATE, 0.12, 0.18, HIGHEST_RATE):
                if _seconds(asked, quick_candidate(rate), clock) <= seconds:
                    return Effort(asked, quick_candidate(rate))
        if narrow.width <= FEWEST_COLUMNS:
            break
        narrow = dataclasses.replace(narrow, most_columns=max(narrow.width // 2, FEWEST_COLUMNS))
    return _sampled(single, clock, seconds) or Effort(problem, None)


def _sampled(problem: Problem, clock: BudgetClock, seconds: float) -> Effort | None:
    """Choose a sample of the rows; None if the trees of many classes would put the budget over."""
    is_many = problem.task == "multiclass"
    rows, cost, first = problem.frame.height, 0.0, quick_candidate(HIGHEST_RATE)
    for rate, fewest in ((HIGHEST_RATE, FEWEST_ROWS), (HASTY_RATE, FEWEST_OF_CLASSES))[: 1 + is_many]:
        first = quick_candidate(rate)
        while (cost := _seconds(problem, first, clock, rows)) > seconds and rows > fewest:
            rows = max(rows * 3 // 4, fewest)
        if cost <= seconds:
            break
    over = max(clock.left(), (OVERRUN - 1) * clock.budget.seconds) / clock.slowness
    if is_many and cost > over:
        return None
    return Effort(problem, first, rows if rows < problem.frame.height else None)


def recall_effort(problem: Problem, clock: BudgetClock, watch: Watch) -> Effort:
    """Plan once: a run that was killed goes on by the plan that it had, or its folds would be of no use."""
    kept = watch.recall("effort")
    if kept is not None:
        plan = json.loads(kept)
        problem = dataclasses.replace(problem, most_columns=plan["columns"])
        return Effort(
            problem if plan["folds"] == len(problem.folds.folds) else _single(problem),
            None if plan["first"] is None else Candidate(**plan["first"]),
            plan["rows"],
        )
    made = plan_effort(problem, clock)
    plan = {
        "folds": len(made.problem.folds.folds),
        "first": made.first and dataclasses.asdict(made.first),
        "rows": made.most_rows,
        "columns": made.problem.most_columns,
    }
    watch.remember("effort", json.dumps(plan).encode())
    return made


def told_effort(effort: Effort, clock: BudgetClock) -> tuple[Finding, ...]:
    """Say what the budget, or the width of the table, did not allow."""
    return (*_told_rows(effort, clock), *_told_columns(effort.problem))


def _told_rows(effort: Effort, clock: BudgetClock) -> tuple[Finding, ...]:
    problem, rows = effort.problem, effort.most_rows
    if effort.first is None:
        what = f"a linear model only: each round of a booster has {problem.classes} trees"
    elif rows is not None:
        what = f"to learn from {rows:,} of {problem.frame.height:,} rows, judged on one fold"
    else:
        return ()
    fixed = clock.before + clock.after.seconds
    return (
        Finding(
            "budget.small",
            "warning",
            f"the budget allows {what}; of {clock.budget.seconds:g} CPU seconds the steps before and after "
            f"training need {fixed:.1f}",
            {"rows": rows, "before": clock.before, "after": clock.after.seconds},
            "raise `budget_cpu_s` in [training]",
        ),
    )


def _told_columns(problem: Problem) -> tuple[Finding, ...]:
    if problem.width == len(problem.inputs):
        return ()
    return (
        Finding(
            "columns.screened",
            "info",
            f"models read {problem.width:,} of {len(problem.inputs):,} columns: those that go along with the "
            "label most, chosen anew in each fold",
            {"read": problem.width, "columns": len(problem.inputs)},
            "leave out columns that you know to tell nothing with `ignore` in [data]",
        ),
    )


def _seconds(problem: Problem, first: Candidate, clock: BudgetClock, most_rows: int | None = None) -> float:
    rounds = round(RATE_ROUNDS / float(first.settings["learning_rate"]))
    cost = guess_cost(problem, first, most_rows=most_rows, rounds=rounds)
    return cost.folds + cost.refit + answer_seconds(problem, rounds, clock.after.rows)


def _single(problem: Problem) -> Problem:
    """Keep the newest fold only."""
    folds = problem.folds
    said = "one fold, because the budget allows no more, of: " + folds.why
    return dataclasses.replace(problem, folds=Folds(folds.folds[-1:], folds.kind, said))
