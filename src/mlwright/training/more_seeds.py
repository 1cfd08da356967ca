"""What seconds are left for at last: the same boosters with other seeds, of which the mean varies less.

A booster that draws rows and columns at random differs from seed to seed; the mean of a few is never worse
than they are on average (Breiman 1996, Bagging predictors), and needs no choice by validation rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlwright.training.boosted import MOST_NODES
from mlwright.training.budget import Tick
from mlwright.training.cost import nodes_of
from mlwright.training.learner import FitTask
from mlwright.training.race import Race, seed_of
from mlwright.training.trainer import Member

MOST_SEEDS = 4
SHARE = 0.5  # of the seconds left, so that what comes after has room for a larger model


def with_more_seeds(race: Race, fits: Sequence[tuple[Member, FitTask]], *, spent: float) -> list[Member]:
    """Add boosters of other seeds, which share the weight; the members took `spent` CPU seconds.

    Nothing is added when candidates are counted instead of seconds.
    """
    members = [member for member, _ in fits]
    boosted = [(member, task) for member, task in fits if member.candidate.leaves]
    groups = [members]
    for draw in range(1, 1 + _affordable(race, members, spent)):
        made = []
        for member, task in boosted:
            seed = seed_of(race.problem.seed, member.candidate.name, -1 - draw)
            tick = Tick(race.clock.deadline(race.clock.left()))
            model = race.learners[member.candidate.family].fit(
                member.candidate, replace(task, seed=seed, tick=tick)
            )
            if tick.is_over:
                break
            made.append(replace(member, model=model, draw=draw))
        if len(made) < len(boosted):
            break
        groups.append(made)
    return [
        replace(member, weight=member.weight / len(groups)) if member.candidate.leaves else member
        for group in groups
        for member in group
    ]


def _affordable(race: Race, members: Sequence[Member], spent: float) -> int:
    clock, full = race.clock, race.problem.full_share
    nodes = sum(nodes_of(one.candidate, one.model.rounds, race.problem.outputs) for one in members)
    if clock.is_counting or not nodes:
        return 0
    answers = sum(race.pace.answers(one.model.rounds, clock.after.rows) for one in members)
    by_time = (SHARE * clock.left() - full * spent) / max((1.0 + full) * (spent + answers), 1e-9)
    return max(min(int(by_time), MOST_NODES // nodes - 1, MOST_SEEDS - 1), 0)
