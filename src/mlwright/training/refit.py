"""The chosen members on all rows, or on as many as the seconds that are left allow."""

from __future__ import annotations

from collections.abc import Sequence

from mlwright.data import Finding
from mlwright.features import TransformDocument
from mlwright.training.again import fitted_again
from mlwright.training.budget import Tick
from mlwright.training.cost import refit_rounds
from mlwright.training.encoding import encode_all
from mlwright.training.full_plan import FullPlan, MemberPlan
from mlwright.training.learner import Encoding, Matrix
from mlwright.training.more_seeds import with_more_seeds
from mlwright.training.race import Race, last_task
from mlwright.training.trainer import Member, OutOfFold

FEWEST_ROWS = 10_000
ROUGHLY = 0.85  # of what members are expected to cost must be left: the last learns from fewer rows
SLACK = 1.3  # what a fit may cost more than expected before its rounds are cut

Encoded = tuple[TransformDocument, Matrix]


def refit(
    race: Race, chosen: Sequence[tuple[OutOfFold, float]]
) -> tuple[tuple[Member, ...], tuple[Finding, ...]]:
    """Fit members by weight, the heaviest first; what the seconds do not allow is left out and told."""
    problem, clock = race.problem, race.clock
    order = sorted(chosen, key=lambda item: (-item[1], item[0].candidate.name))
    costs = [race.refit_seconds(one) for one, _ in order]
    kept = 1
    while kept < len(order) and clock.affords(
        ROUGHLY * (1.0 + problem.full_reserve) * sum(costs[: kept + 1])
    ):
        kept += 1
    total = sum(weight for _, weight in order[:kept])
    encoded: dict[tuple[Encoding, int | None], Encoded] = {}
    fits, cut = [], []
    spent = clock.stopwatch()
    differs: tuple[Finding, ...] = ()
    for place, (one, weight) in enumerate(order[:kept]):
        race.watch.move(0.6 + 0.4 * place / kept, f"{one.candidate.name} on all rows")
        seconds = clock.left() - sum(costs[place + 1 : kept])
        most = _most_rows(race, seconds / max(costs[place], 1e-9))
        key = one.candidate.encoding, most
        if key not in encoded:
            encoded[key] = encode_all(problem, one.candidate.encoding, most)
        transform, matrix = encoded[key]
        rounds = refit_rounds(one)
        tick = Tick(clock.deadline(max(SLACK * min(seconds, costs[place]), seconds)))
        task = last_task(problem, one.candidate, matrix, rounds, tick)
        learner = race.learners[one.candidate.family]
        model = learner.fit(one.candidate, task)
        differs += fitted_again(learner, one.candidate, task, model)
        if one.candidate.leaves and tick.is_over:
            cut.append(f"{one.candidate.name} has {model.rounds} of {rounds} rounds")
        if one.candidate.leaves and most != race.most_rows:
            cut.append(f"{one.candidate.name} learns from {most:,} of {problem.frame.height:,} rows")
        fits.append((Member(one.candidate, weight / total, model, transform), task))
    left_out = [one.candidate.name for one, _ in order[kept:]]
    members = [member for member, _ in fits]
    if not cut and not left_out:
        members = with_more_seeds(race, fits, spent=spent())
    return tuple(members), (*differs, *_findings(left_out, cut))


def full_plan(
    race: Race, members: Sequence[Member], findings: Sequence[Finding], seconds: float
) -> FullPlan | None:
    """Say how members that learned all training rows would be fitted on the held-out ones too."""
    is_cut = race.most_rows is not None or any(finding.evidence.get("cut") for finding in findings)
    if is_cut or not race.problem.full_share:
        return None
    plans = tuple(
        MemberPlan(
            one.candidate.name,
            one.candidate.family,
            one.candidate.encoding,
            one.candidate.settings,
            one.weight,
            one.model.rounds,
            one.draw,
        )
        for one in members
    )
    return FullPlan(plans, race.problem.pairs, race.problem.is_logarithmic, seconds)


def _most_rows(race: Race, share: float) -> int | None:
    """Give how many rows train when a share of the cost is left: all, or those of the search, or fewer."""
    rows = race.problem.frame.height if race.most_rows is None else race.most_rows
    if share >= 1 or rows <= FEWEST_ROWS:
        return race.most_rows
    return max(int(max(share, 0.0) * rows), FEWEST_ROWS, rows // 10)


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
