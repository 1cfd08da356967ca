"""Candidates that collapse: worse than nothing on a fold on which others are good, or far below the rest.

Idea: the skill of a candidate on a fold is the share of a constant's loss that it saves there. A fold on
which the best candidate has skill and another is surely worse than a constant shows that other to be
unstable; so does a skill over all folds below a third of the best booster's. Such a candidate is never
selected, whatever its mean says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlwright.data import Finding
from mlwright.training.learner import Floats
from mlwright.training.problem import Problem
from mlwright.training.score import LINKS, is_known, losses, mean_and_error
from mlwright.training.trainer import OutOfFold

SKILLED = 0.05  # of the best candidate on a fold, for others to be compared with it
SURELY = 2.0  # standard errors by which a candidate is worse than a constant
COLLAPSED = 1 / 3  # of the best booster's skill


def unstable_candidates(problem: Problem, tried: Sequence[OutOfFold]) -> dict[str, str]:
    """Name candidates that must not be selected, with the reason."""
    if LINKS[problem.goal] == "exp":  # a line through logarithms is there for show
        tried = [one for one in tried if one.candidate.family != "linear"]
    skills = [_skills(problem, one) for one in tried]
    best = [
        max((skill[fold][0] for skill in skills if fold in skill), default=0.0) for fold in _folds(problem)
    ]
    boosters = [place for place, one in enumerate(tried) if one.candidate.family != "linear"]
    top = max((_mean(skills[place]) for place in boosters), default=0.0)
    found = {}
    for place, (one, skill) in enumerate(zip(tried, skills, strict=True)):
        fallen = [
            fold
            for fold, (value, error) in skill.items()
            if best[fold] >= SKILLED and value < -SURELY * error
        ]
        if fallen:
            worst = min(fallen, key=lambda fold: skill[fold][0])
            where = f"fold {worst + 1}, where the best saves {best[worst]:.0%} of its loss"
            found[one.candidate.name] = f"worse than a constant on {where}"
        elif place in boosters and top >= SKILLED and _mean(skill) < COLLAPSED * top:
            found[one.candidate.name] = f"saves {_mean(skill):.1%} of a constant's loss, the best {top:.1%}"
    return found


def without_unstable(boosters: Sequence[OutOfFold], unstable: Mapping[str, str]) -> list[OutOfFold]:
    """Give the boosters that may be selected; all of them when none is steady."""
    return [one for one in boosters if one.candidate.name not in unstable] or list(boosters)


def told_unstable(unstable: Mapping[str, str]) -> tuple[Finding, ...]:
    """Report what was not selected: `unstable.candidate`."""
    return tuple(
        Finding(
            "unstable.candidate",
            "info",
            f"{name} was not selected: {why}",
            {"because": why},
            "few positives, extreme values or copies may be behind it; the model does not contain it",
            name,
        )
        for name, why in unstable.items()
    )


def _folds(problem: Problem) -> range:
    return range(len(problem.folds.folds))


def _skills(problem: Problem, one: OutOfFold) -> dict[int, tuple[float, float]]:
    """Give the skill on each fold that was asked, with its standard error over rows."""
    found = {}
    for number, fold in enumerate(problem.folds.folds):
        rows = fold.valid[is_known(one.margins[fold.valid])]
        if not len(rows):
            continue
        constant = losses(problem, rows, _constant(problem, fold.train, len(rows)))
        gains = constant - losses(problem, rows, one.margins[rows])
        names = rows if problem.ranked is None else problem.ranked[rows]
        mean, error = mean_and_error(gains, np.ones(len(rows)), names)
        level = max(float(constant.mean()), 1e-12)
        found[number] = mean / level, error / level
    return found


def _constant(problem: Problem, train: np.ndarray, rows: int) -> Floats:
    target, link = problem.target[train], LINKS[problem.goal]
    mean = float(target.mean())
    if link == "identity":
        return np.full(rows, mean)
    if link == "exp":
        return np.full(rows, np.log(max(mean, 1e-9)))
    if link == "sigmoid":
        rate = min(max(mean, 1e-6), 1 - 1e-6)
        return np.full(rows, np.log(rate / (1 - rate)))
    shares = np.bincount(target.astype(np.int64), minlength=problem.classes) / len(target)
    return np.tile(np.log(np.maximum(shares, 1e-6)), (rows, 1))


def _mean(skill: Mapping[int, tuple[float, float]]) -> float:
    return float(np.mean([value for value, _ in skill.values()])) if skill else 0.0
