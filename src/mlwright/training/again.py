"""Fit a member once more, where that is cheap: does the same seed give the same bytes?"""

from __future__ import annotations

from dataclasses import replace

from mlwright.data import Finding
from mlwright.training.learner import Candidate, FitTask, FittedModel, Learner

MOST_WORK = 1_500_000  # cells of the matrix times rounds, a tenth of a CPU second


def fitted_again(
    learner: Learner, candidate: Candidate, task: FitTask, model: FittedModel
) -> tuple[Finding, ...]:
    """Repeat a cheap refit that ran to its end and compare: `reproducible.refit`, nothing if equal."""
    rounds = task.rounds or 1
    if task.train.values.size * rounds > MOST_WORK or model.rounds < rounds:
        return ()
    again = learner.fit(candidate, replace(task, tick=lambda _: False))
    if again.dump() == model.dump():
        return ()
    return (
        Finding(
            "reproducible.refit",
            "warning",
            f"{candidate.name} gave another model when it was fitted again with the same rows and seed",
            {"seed": task.seed, "rounds": rounds},
            "report it with the versions in the package: a run cannot be repeated exactly",
            candidate.name,
        ),
    )
