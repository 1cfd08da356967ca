"""A line through the margins of a binary model, kept only when unseen rows get better by it.

Margins of a model that ranks are put on a line that gives them the size of the relevance, in the same order.

Platt's is straight; where that is not enough, the rates of bins say where it has corners.

Reference: Platt 1999, Probabilistic outputs for support vector machines; fitted by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlwright.training.blend import part_of_rows
from mlwright.training.isotonic import fit_corners
from mlwright.training.learner import Floats
from mlwright.training.problem import Problem, Rows
from mlwright.training.score import gain_and_error, is_known, predictions, row_losses
from mlwright.training.trainer import Calibration

Fit: TypeAlias = Callable[[Floats, Floats, Floats], Calibration]

MOST_STEPS = 50
FEWEST_PER_CLASS = 20
FEWEST_FORWARD = 3  # one season's rate of positives is no reason to shift that of the next


def calibrate_margins(problem: Problem, margins: Floats) -> Calibration:
    """Give the line that is better than a simpler one by more than a standard error of the loss.

    None is simplest, then Platt's, then one with corners. Each part of the rows is judged by a line through
    the others. There is none for other tasks and few rows.
    """
    rows = np.flatnonzero(is_known(margins))
    if problem.goal == "rank":
        return relevance_line(margins[rows], problem.target[rows], problem.weight[rows])
    target, weight = problem.target[rows], problem.weight[rows]
    is_single = problem.folds.kind == "forward" and len(problem.folds.folds) < FEWEST_FORWARD
    if problem.task != "binary" or is_single or min(target.sum(), (1 - target).sum()) < FEWEST_PER_CLASS:
        return Calibration()
    plain = margins[rows]
    best, chosen = plain, Calibration()
    for fit in (fit_line, fit_corners):
        changed = _unseen(problem, rows, plain, fit)
        known = np.isfinite(changed)
        if not known.any():
            continue
        gains = np.full(len(margins), np.nan)
        before, after = (row_losses("binary", target[known], values[known]) for values in (best, changed))
        gains[rows[known]] = before - after
        mean, error = gain_and_error(problem, gains)
        if mean > error:
            best, chosen = np.where(known, changed, best), fit(plain, target, weight)
    return chosen


def _unseen(problem: Problem, rows: Rows, plain: Floats, fit: Fit) -> Floats:
    """Give margins that are calibrated by lines through other parts of the rows; NaN without any."""
    parts, changed = part_of_rows(problem, rows), np.full(len(rows), np.nan)
    target, weight = problem.target[rows], problem.weight[rows]
    for part in np.unique(parts):
        inside, outside = parts == part, parts != part
        if len(np.unique(target[outside])) == 2:
            line = fit(plain[outside], target[outside], weight[outside])
            changed[inside] = line.apply(plain[inside])
    return changed


def relevance_line(margins: Floats, target: Floats, weight: Floats) -> Calibration:
    """Fit slope and shift by squared errors; without a slope upwards margins stay as they are.

    >>> relevance_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.ones(3))
    Calibration(slope=2.0, shift=1.0, knots=(), values=())
    """
    middle, mean = (float(np.average(values, weights=weight)) for values in (margins, target))
    spread = float(np.average((margins - middle) ** 2, weights=weight))
    slope = float(np.average((margins - middle) * (target - mean), weights=weight)) / max(spread, 1e-300)
    return Calibration(slope, mean - slope * middle) if slope > 0 else Calibration()


def fit_line(margins: Floats, target: Floats, weight: Floats) -> Calibration:
    """Fit slope and shift by the log-loss; a slope that would turn the order around is refused.

    >>> given = np.random.default_rng(7).normal(size=4000)
    >>> told = (np.random.default_rng(8).random(4000) < 1 / (1 + np.exp(-given / 2))).astype(float)
    >>> 0.4 < fit_line(given, told, np.ones(4000)).slope < 0.6
    True
    """
    rate = float(np.average(target, weights=weight))
    line = np.array([0.0, np.log(rate / (1 - rate))])  # from there Newton's steps do not overshoot
    spread = max(float(margins.std()), 1e-12)
    design = np.column_stack([margins / spread, np.ones(len(margins))])
    for _ in range(MOST_STEPS):
        found = predictions("binary", design @ line)
        slope = design.T @ (weight * (found - target))
        curve = (design * (weight * found * (1 - found))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        line = line - step
        if not np.isfinite(line).all():
            return Calibration()
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(float(line[0]) / spread, float(line[1])) if line[0] > 0 else Calibration()
