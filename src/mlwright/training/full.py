"""The chosen members once more, on all rows: those that were held out have judged and may teach now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mlwright.training.budget import Tick
from mlwright.training.encoding import encode_all
from mlwright.training.full_plan import FullPlan
from mlwright.training.learner import Family, Learner
from mlwright.training.problem import Problem
from mlwright.training.race import last_task, seed_of
from mlwright.training.trainer import Member


def fit_full(
    plan: FullPlan,
    problem: Problem,
    learners: Mapping[Family, Learner],
    *,
    more: float,
    tick: Callable[[int], bool],
    say: Callable[[float, str], None],
) -> tuple[Member, ...] | None:
    """Fit every member on all rows of a problem, for rounds that suit `more` times as many as it had.

    Gives None when `tick` ended one of them: half a model is no better.
    """
    problem = replace(problem, pairs=plan.pairs, is_logarithmic=plan.is_logarithmic)
    watched = Tick(tick)
    encoded = {one.encoding: encode_all(problem, one.encoding) for one in plan.members}
    members = []
    for number, one in enumerate(plan.members):
        say(number / len(plan.members), f"{one.name} on all {problem.frame.height:,} rows")
        transform, matrix = encoded[one.encoding]
        task = last_task(problem, one.candidate, matrix, one.grown_rounds(more), watched)
        task = replace(task, seed=seed_of(problem.seed, one.name, -1 - one.draw))
        model = learners[one.family].fit(one.candidate, task)
        if watched.is_over:
            return None
        members.append(Member(one.candidate, one.weight, model, transform, one.draw))
    return tuple(members)
