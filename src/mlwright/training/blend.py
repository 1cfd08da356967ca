"""A greedy blend of margins, kept only when it is better than its best member by more than chance.

Members are picked one after another, with replacement, each time the one that lowers the loss of the mean
most (Caruana et al. 2004, Ensemble selection from libraries of models); few picks and few members keep it
from fitting the validation rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.training.boosted import MOST_NODES
from mlwright.training.cost import nodes_of, refit_rounds
from mlwright.training.learner import Floats
from mlwright.training.problem import Problem, Rows
from mlwright.training.sample import whole_lists
from mlwright.training.score import gain_and_error, is_known, losses
from mlwright.training.trainer import OutOfFold

MOST_PICKS = 12
MOST_MEMBERS = 4
MOST_SUMS = 1_000_000  # of a candidate that weights are chosen by
MOST_RANKED = 20_000


@dataclass(frozen=True)
class Blend:
    """Weights of candidates by place, which sum to 1, and their margins."""

    weights: Mapping[int, float]
    margins: Floats


def blend(problem: Problem, candidates: Sequence[OutOfFold]) -> Blend:
    """Give the best blend, or the best single candidate when the gain is within one standard error."""
    rows = np.flatnonzero(is_known(candidates[0].margins))
    weights = greedy_weights(problem, candidates, rows)
    single = best_single(problem, candidates, rows)
    mixed = mix(candidates, weights)
    gains = np.full(len(problem.target), np.nan)
    before = losses(problem, rows, candidates[single].margins[rows])
    gains[rows] = before - losses(problem, rows, mixed[rows])
    mean, error = gain_and_error(problem, gains)
    if len(weights) > 1 and mean > error:
        return Blend(weights, mixed)
    return Blend({single: 1.0}, candidates[single].margins)


def best_single(problem: Problem, candidates: Sequence[OutOfFold], rows: npt.NDArray[np.int64]) -> int:
    """Give the place of the candidate with the least loss on some rows."""
    return int(np.argmin([_loss(problem, one.margins, rows) for one in candidates]))


def greedy_weights(
    problem: Problem, candidates: Sequence[OutOfFold], rows: npt.NDArray[np.int64]
) -> dict[int, float]:
    """Pick members one after another on some rows; weights are how often each was picked."""
    sizes = [_nodes(problem, one) for one in candidates]
    rows = _some(problem, rows)
    picks: list[int] = []
    total = np.zeros_like(candidates[0].margins[rows])
    best: tuple[float, tuple[int, ...]] = (np.inf, ())
    weight = problem.weight[rows]
    for number in range(1, MOST_PICKS + 1):
        allowed = [place for place in range(len(candidates)) if _fits({*picks, place}, sizes)]
        reached = {
            place: float(
                np.average(
                    losses(problem, rows, (total + candidates[place].margins[rows]) / number), weights=weight
                )
            )
            for place in allowed
        }
        chosen = min(reached, key=reached.__getitem__)
        picks.append(chosen)
        total = total + candidates[chosen].margins[rows]
        if reached[chosen] < best[0]:
            best = (reached[chosen], tuple(picks))
    return {place: best[1].count(place) / len(best[1]) for place in sorted(set(best[1]))}


def mix(candidates: Sequence[OutOfFold], weights: Mapping[int, float]) -> Floats:
    """Give the weighted sum of margins."""
    return np.asarray(sum(weight * candidates[place].margins for place, weight in weights.items()))


def nested_margins(problem: Problem, candidates: Sequence[OutOfFold]) -> Floats:
    """Give margins of blends whose weights were chosen without the rows that they are asked about.

    The parts are the folds; a single fold is divided in halves, by blocks where there are any.
    """
    found = np.full_like(candidates[0].margins, np.nan)
    rows = np.flatnonzero(is_known(candidates[0].margins))
    parts = part_of_rows(problem, rows)
    for part in np.unique(parts):
        inside, outside = rows[parts == part], rows[parts != part]
        if len(outside):
            weights = greedy_weights(problem, candidates, outside)
            found[inside] = mix(candidates, weights)[inside]
    return found


def part_of_rows(problem: Problem, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give each validation row its fold, or its half of the only fold."""
    if len(problem.folds.folds) > 1:
        place = np.zeros(problem.frame.height, dtype=np.int64)
        for number, fold in enumerate(problem.folds.folds):
            place[fold.valid] = number
        return place[rows]
    blocks = rows if problem.blocks is None else problem.blocks[rows]
    names, codes = np.unique(blocks, return_inverse=True)
    halves = np.random.default_rng(problem.seed).permutation(len(names)) % 2
    return np.asarray(halves[codes], dtype=np.int64)


def _some(problem: Problem, rows: Rows) -> Rows:
    """Give the rows that weights are chosen by: every n-th, or whole lists, which take a sort each time."""
    if problem.ranked is not None:
        if len(rows) <= MOST_RANKED:
            return rows
        return rows[whole_lists(problem.ranked[rows], MOST_RANKED, np.random.default_rng(problem.seed))]
    return rows[:: max(1, len(rows) * problem.outputs // MOST_SUMS)]


def _loss(problem: Problem, margins: Floats, rows: npt.NDArray[np.int64]) -> float:
    return float(np.average(losses(problem, rows, margins[rows]), weights=problem.weight[rows]))


def _nodes(problem: Problem, one: OutOfFold) -> int:
    return nodes_of(one.candidate, refit_rounds(one), problem.outputs)


def _fits(members: set[int], sizes: Sequence[int]) -> bool:
    return len(members) == 1 or (
        len(members) <= MOST_MEMBERS and sum(sizes[place] for place in members) <= MOST_NODES
    )
