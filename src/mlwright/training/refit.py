"""The chosen members on all rows, within the seconds that are left."""

from __future__ import annotations

from collections.abc import Mapping

from mlwright.data import Finding
from mlwright.features import TransformDocument
from mlwright.training.budget import BudgetClock
from mlwright.training.encoding import encode_all
from mlwright.training.learner import Encoding, Family, FitTask, Learner, Matrix
from mlwright.training.problem import Problem
from mlwright.training.race import refit_rounds, refit_seconds, seed_of
from mlwright.training.trainer import Member, OutOfFold, Watch

SLACK = 1.25  # what a fit may cost more than expected before the rounds are cut


def refit(
    problem: Problem,
    chosen: Mapping[str, tuple[OutOfFold, float]],
    learners: Mapping[Family, Learner],
    clock: BudgetClock,
    watch: Watch,
) -> tuple[tuple[Member, ...], tuple[Finding, ...]]:
    """Fit members by weight, the heaviest first; what the seconds do not allow is left out and told."""
    order = sorted(chosen.values(), key=lambda item: (-item[1], item[0].candidate.name))
    costs = [refit_seconds(one, problem) for one, _ in order]
    kept = 1
    while kept < len(order) and clock.affords(sum(costs[: kept + 1])):
        kept += 1
    total = sum(weight for _, weight in order[:kept])
    encoded: dict[Encoding, tuple[TransformDocument, Matrix]] = {}
    members, cut = [], []
    for place, (one, weight) in enumerate(order[:kept]):
        watch.move(0.6 + 0.4 * place / kept, f"{one.candidate.name} on all rows")
        encoding = one.candidate.encoding
        if encoding not in encoded:
            encoded[encoding] = encode_all(problem, encoding)
        transform, matrix = encoded[encoding]
        rounds = refit_rounds(one)
        seconds = clock.left() - sum(costs[place + 1 : kept]) if place + 1 < kept else clock.left()
        task = FitTask(
            matrix,
            None,
            problem.task,
            problem.classes,
            seed_of(problem.seed, one.candidate.name, -1),
            rounds,
            clock.deadline(seconds),
        )
        model = learners[one.candidate.family].fit(one.candidate, task)
        if one.candidate.family != "linear" and model.rounds < rounds:
            cut.append(f"{one.candidate.name} has {model.rounds} of {rounds} rounds")
        members.append(Member(one.candidate, weight / total, model, transform))
    left_out = [one.candidate.name for one, _ in order[kept:]]
    return tuple(members), _findings(left_out, cut)


def _findings(left_out: list[str], cut: list[str]) -> tuple[Finding, ...]:
    if not left_out and not cut:
        return ()
    said = [f"left out of the blend: {', '.join(left_out)}"] if left_out else []
    return (
        Finding(
            "budget.cut",
            "warning" if cut else "info",
            "the budget did not allow the whole refit: " + "; ".join([*said, *cut]),
            {"left_out": left_out, "cut": cut},
            "raise `budget_cpu_s` in [training]",
        ),
    )
