"""What a budget allows: all folds and rows and a low rate, or fewer folds, a higher rate, and a sample."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from mlwright.data import Finding, Folds
from mlwright.training.budget import BudgetClock
from mlwright.training.cost import answer_seconds, guess_cost
from mlwright.training.learner import Candidate
from mlwright.training.portfolio import BOOSTED, quick_candidate
from mlwright.training.problem import Problem
from mlwright.training.trainer import Watch

SHARE = 0.7  # of the seconds left that the first booster may take, refit included
LOWEST_RATE, HIGHEST_RATE = 0.08, 0.25
RATE_ROUNDS = 14.0  # rate times rounds of a booster that is good enough to be the only one
FEWEST_ROWS = 10_000  # more cost less than a worse model
FEWEST_COLUMNS = 250


@dataclass(frozen=True)
class Effort:
    """The problem with the folds that are used, how many rows of a fold are, and the first booster."""

    problem: Problem
    first: Candidate
    most_rows: int | None = None


def plan_effort(problem: Problem, clock: BudgetClock) -> Effort:
    """Choose the first of these that the seconds left allow; the last is taken whatever it costs.

    The portfolio's first booster; a quick one; a quick one on a single fold; those on fewer columns of a wide
    table; that on a sample of the rows.
    """
    plain = Effort(problem, BOOSTED[0])
    if clock.is_counting:
        return plain
    seconds = SHARE * clock.left() / clock.slowness
    if _seconds(plain, clock) <= seconds:
        return plain
    narrow = problem
    while True:
        single = _single(narrow)
        for asked in (narrow, single):
            for rate in (LOWEST_RATE, 0.12, 0.18, HIGHEST_RATE):
                made = Effort(asked, quick_candidate(rate))
                if _seconds(made, clock) <= seconds:
                    return made
        if narrow.width <= FEWEST_COLUMNS:
            break
        narrow = dataclasses.replace(narrow, most_columns=max(narrow.width // 2, FEWEST_COLUMNS))
    rows = problem.frame.height
    while rows > FEWEST_ROWS:
        rows = max(rows * 3 // 4, FEWEST_ROWS)
        made = Effort(single, quick_candidate(HIGHEST_RATE), rows)
        if _seconds(made, clock) <= seconds:
            break
    return made


def recall_effort(problem: Problem, clock: BudgetClock, watch: Watch) -> Effort:
    """Plan once: a run that was killed goes on by the plan that it had, or its folds would be of no use."""
    kept = watch.recall("effort")
    if kept is not None:
        plan = json.loads(kept)
        problem = dataclasses.replace(problem, most_columns=plan["columns"])
        rate = plan["rate"]
        return Effort(
            problem if plan["folds"] == len(problem.folds.folds) else _single(problem),
            BOOSTED[0] if rate is None else quick_candidate(rate),
            plan["rows"],
        )
    made = plan_effort(problem, clock)
    rate = None if made.first == BOOSTED[0] else made.first.settings["learning_rate"]
    plan = {"folds": len(made.problem.folds.folds), "rate": rate, "rows": made.most_rows}
    plan["columns"] = made.problem.most_columns
    watch.remember("effort", json.dumps(plan).encode())
    return made


def told_effort(effort: Effort, clock: BudgetClock) -> tuple[Finding, ...]:
    """Say what the budget, or the width of the table, did not allow."""
    return (*_told_rows(effort, clock), *_told_columns(effort.problem))


def _told_rows(effort: Effort, clock: BudgetClock) -> tuple[Finding, ...]:
    if effort.most_rows is None:
        return ()
    return (
        Finding(
            "budget.small",
            "warning",
            f"the budget allows to learn from {effort.most_rows:,} of {effort.problem.frame.height:,} rows, "
            f"judged on one fold: of {clock.budget.seconds:g} CPU seconds the steps before and after "
            f"training need {clock.before + clock.after.seconds:.1f}",
            {"rows": effort.most_rows, "before": clock.before, "after": clock.after.seconds},
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


def _seconds(effort: Effort, clock: BudgetClock) -> float:
    rate = float(effort.first.settings["learning_rate"])
    rounds = round(RATE_ROUNDS / rate)
    cost = guess_cost(effort.problem, effort.first, most_rows=effort.most_rows, rounds=rounds)
    return cost.folds + cost.refit + answer_seconds(effort.problem, rounds, clock.after.rows)


def _single(problem: Problem) -> Problem:
    """Keep the newest fold only."""
    folds = problem.folds
    said = "one fold, because the budget allows no more, of: " + folds.why
    return dataclasses.replace(problem, folds=Folds(folds.folds[-1:], folds.kind, said))
